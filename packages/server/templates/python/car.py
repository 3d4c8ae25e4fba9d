"""A connection to CAR in one file: JSON-RPC 2.0 over the WebSocket of the package "websockets"."""

import asyncio
import inspect
import itertools
import json
import os

import websockets


async def attach():
    """Connects as the agent that the daemon started this process for."""
    try:
        url, agent_id, token = (os.environ[name] for name in ("CAR_DAEMON_URL", "CAR_AGENT_ID", "CAR_AGENT_TOKEN"))
    except KeyError:
        raise SystemExit("This program is started by CAR: car agents start <id>")
    car = Car(await websockets.connect(url, max_size=None))
    await car.call("session.auth", {"agent_id": agent_id, "token": token})
    return car


class Car:
    def __init__(self, socket):
        self._socket = socket
        self._ids = itertools.count(1)
        self._waiting = {}
        self._handlers = {"tools.execute": self._execute}
        self._tools = {}
        # Ends when the connection is gone.
        self.closed = asyncio.create_task(self._read())

    async def call(self, method, params=None):
        """Calls a method of the daemon."""
        request_id = next(self._ids)
        self._waiting[request_id] = asyncio.get_running_loop().create_future()
        await self._send({"id": request_id, "method": method, "params": {} if params is None else params})
        return await self._waiting[request_id]

    async def notify(self, method, params):
        await self._send({"method": method, "params": params})

    def on(self, method, handler):
        """Answers what the daemon asks or tells under a name."""
        self._handlers[method] = handler

    async def tool(self, name, description, parameters, handler):
        """Offers a tool to plans."""
        self._tools[name] = handler
        await self.call("tools.register", [{"name": name, "description": description, "parameters": parameters}])

    async def _execute(self, params):
        return await _value(self._tools[params["tool"]](params.get("parameters") or {}))

    async def _read(self):
        tasks = set()
        try:
            async for text in self._socket:
                message = json.loads(text)
                if "method" in message:
                    # Not awaited: a handler may call the daemon itself.
                    task = asyncio.create_task(self._answer(message))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                    continue
                waiting = self._waiting.pop(message.get("id"), None)
                if waiting is None:
                    continue
                if "error" in message:
                    waiting.set_exception(RuntimeError(message["error"]["message"]))
                else:
                    waiting.set_result(message["result"])
        except websockets.ConnectionClosed:
            pass
        for waiting in self._waiting.values():
            waiting.set_exception(ConnectionError("The connection is gone"))

    async def _answer(self, message):
        handler = self._handlers.get(message["method"])
        try:
            result = await _value(handler(message.get("params") or {})) if handler else None
            if "id" in message:
                await self._send({"id": message["id"], "result": result})
        except Exception as failure:
            if "id" not in message:
                raise
            await self._send({"id": message["id"], "error": {"code": -32000, "message": str(failure)}})

    async def _send(self, message):
        await self._socket.send(json.dumps({"jsonrpc": "2.0", **message}))


async def _value(value):
    return await value if inspect.isawaitable(value) else value
