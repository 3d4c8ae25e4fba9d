"""AGENT_NAME, an agent of CAR. The daemon starts this file, keeps it running, and writes what it prints to its log.

    car agents restart AGENT_NAME     after a change
    car agents logs -f AGENT_NAME     what it prints
    car runs ls --agent AGENT_NAME    what it did
"""

import asyncio
import sys

from car import attach


def greet(parameters):
    return f"Hello, {parameters['name']}!"


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

    # The daemon asks agents to finish before it stops them.
    car.on("agent.drain", lambda _params: sys.exit(0))

    print("ready", flush=True)
    # Without a connection there is nothing to do: the daemon starts a new process.
    await car.closed
    sys.exit(1)


asyncio.run(main())
