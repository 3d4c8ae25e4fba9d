"""Connect to a CAR daemon from Python: authenticate, register a tool, run a plan.

Needs the "websockets" package (Debian: python3-websockets). The token is in the file `car token path` prints;
CAR_AUTH_TOKEN and CAR_DAEMON_URL say otherwise.
"""

import asyncio
import json
import os
import pathlib

try:
    import websockets
except ModuleNotFoundError:
    raise SystemExit('This Python has no "websockets" package: pip install websockets, or on Debian apt-get install python3-websockets and run /usr/bin/python3')


def find_token():
    if os.environ.get("CAR_AUTH_TOKEN", "").strip():
        return os.environ["CAR_AUTH_TOKEN"].strip()
    if os.environ.get("CAR_HOME"):
        folder = pathlib.Path(os.environ["CAR_HOME"])
    elif os.environ.get("XDG_RUNTIME_DIR"):
        folder = pathlib.Path(os.environ["XDG_RUNTIME_DIR"])
    else:
        folder = pathlib.Path.home() / ".config"
    return (folder / "ai.parslee.car" / "auth-token").read_text().strip()


async def main():
    url = os.environ.get("CAR_DAEMON_URL", "ws://127.0.0.1:9100")
    async with websockets.connect(url) as socket:
        waiting = {}  # request id -> the future its answer goes to

        async def call(method, params):
            request_id = len(waiting) + 1
            waiting[request_id] = asyncio.get_running_loop().create_future()
            await socket.send(json.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}))
            return await waiting[request_id]

        async def read():
            async for text in socket:
                message = json.loads(text)
                if message.get("method") == "tools.execute":  # the daemon asks us to run a tool
                    name = message["params"]["parameters"]["name"]
                    await socket.send(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": f"Hello, {name}!"}))
                elif message.get("id") in waiting and "error" in message:
                    waiting[message["id"]].set_exception(RuntimeError(message["error"]["message"]))
                elif message.get("id") in waiting:
                    waiting[message["id"]].set_result(message["result"])

        reader = asyncio.create_task(read())
        await call("session.auth", {"token": find_token()})
        await call("server.handshake", {"protocol_version": 2})
        await call("tools.register", [{"name": "greet", "parameters": {"type": "object", "required": ["name"]}}])
        action = {"type": "tool_call", "tool": "greet", "parameters": {"name": "Python"}}
        outcome = await call("proposal.submit", {"proposal": {"actions": [action]}})
        print(outcome["results"][0]["status"], outcome["results"][0]["output"])
        reader.cancel()


asyncio.run(main())
