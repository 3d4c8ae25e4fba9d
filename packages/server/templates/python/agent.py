"""AGENT_NAME, an agent of CAR. The daemon starts this file, keeps it running, and writes what it prints to its log.

    car agents restart AGENT_NAME     after a change
    car agents chat AGENT_NAME        talk to it
    car agents logs -f AGENT_NAME     what it prints
    car runs ls --agent AGENT_NAME    what it did
"""

import asyncio
import re
import sys
import uuid

from car import attach


def greet(parameters):
    return f"Hello, {parameters['name']}!"


class Chats:
    """What a person says in `car agents chat AGENT_NAME`: acknowledge at once, then say what there is, `done` or `error` last."""

    def __init__(self, car):
        self._car = car
        self._turns = {}  # session id -> the task that answers
        self._questions = {}  # approval id -> the future its answer goes to
        car.on("agent.chat", self._prompt)
        car.on("agent.chat.cancel", self._cancel)
        car.on("agent.chat.approve", self._approve)

    def _prompt(self, params):
        session_id = params["session_id"]
        task = asyncio.create_task(self._turn(session_id, params["prompt"]))
        self._turns[session_id] = task
        task.add_done_callback(lambda done: self._turns.get(session_id) is done and self._turns.pop(session_id))
        return {"accepted": True}

    def _cancel(self, params):
        if params["session_id"] in self._turns:
            self._turns[params["session_id"]].cancel()

    def _approve(self, params):
        question = self._questions.pop(params["approval_id"], None)
        if question is not None:
            question.set_result(params["decision"] in (True, "approve", "approved", "yes"))
        return {"resolved": question is not None}

    async def _turn(self, session_id, prompt):
        async def say(kind, **fields):
            await self._car.notify("agent.chat.event", {"session_id": session_id, "kind": kind, **fields})

        try:
            await say("done", finish_reason="stop", text=await self._answer(prompt, say))
        except Exception as failure:
            await say("error", error=str(failure))

    # A model would be asked here. This one greets whoever is named, and remembers what it is told to, if it may.
    async def _answer(self, prompt, say):
        run = await self._car.call("runs.start", {"intent": "answer a prompt"})
        outcome = {"status": "give_up", "summary": "cancelled"}
        try:
            text = await self._greet(prompt, say)
            outcome = {"status": "success", "summary": "answered"}
            return text
        finally:
            await self._car.call("runs.complete", {"run_id": run["run_id"], "outcome": outcome})

    async def _greet(self, prompt, say):
        await say("tool_call", tool="greet", params={"name": prompt})
        greeting = {"id": "greet", "type": "tool_call", "tool": "greet", "parameters": {"name": prompt}}
        outcome = await self._car.call("proposal.submit", {"proposal": {"actions": [greeting]}})
        result = outcome["results"][0]
        text = str(result.get("output") or result.get("error"))
        await say("tool_result", tool="greet", result=text)
        told = re.match(r"remember (.+)", prompt, re.IGNORECASE | re.DOTALL)
        if told and await self._may_i("remember", {"fact": told[1]}, say):
            await self._car.call("memory.add_fact", {"subject": "what I was told", "body": told[1]})
            text += " I keep that in mind."
        for word in re.findall(r"\S+\s*", text):
            await say("token", delta=word)
        return text

    async def _may_i(self, action, details, say):
        approval_id = str(uuid.uuid4())
        self._questions[approval_id] = asyncio.get_running_loop().create_future()
        await say("approval_pending", approval_id=approval_id, action=action, details=details)
        try:
            return await self._questions[approval_id]
        finally:
            self._questions.pop(approval_id, None)


async def main():
    car = await attach()

    # What this agent can do. The daemon calls it when a plan asks for it, after its checks and your policies.
    await car.tool("greet", "Greets somebody", {"type": "object", "required": ["name"]}, greet)

    # A run is the record of one piece of work: what was wanted, each step, how it ended.
    run = await car.call("runs.start", {"intent": "say hello"})

    # A plan is data. The daemon orders its actions, checks each, runs it, and records it in the run.
    plan = {"actions": [{"id": "hello", "type": "tool_call", "tool": "greet", "parameters": {"name": "world"}}]}
    outcome = await car.call("proposal.submit", {"proposal": plan})
    result = outcome["results"][0]
    print(f"{result['status']}: {result['output']}", flush=True)

    await car.call(
        "runs.complete",
        {"run_id": run["run_id"], "outcome": {"status": "success", "summary": "said hello"}},
    )

    Chats(car)

    # The daemon asks agents to finish before it stops them.
    car.on("agent.drain", lambda _params: sys.exit(0))

    print("ready", flush=True)
    # Without a connection there is nothing to do: the daemon starts a new process.
    await car.closed
    sys.exit(1)


asyncio.run(main())
