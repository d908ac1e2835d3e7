"""Serve the bytes of files by uvicorn and a bare Starlette route: the least a service costs."""

import socket
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

folder = Path(sys.argv[1])
CONTENTS = {path.name: path.read_bytes() for path in folder.iterdir()}


async def answer(request):
    return Response(CONTENTS[request.path_params["name"]], media_type="application/json")


listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # sent at once
listening.bind(("127.0.0.1", 0))
listening.listen()
print(f"http://127.0.0.1:{listening.getsockname()[1]}/", flush=True)
config = uvicorn.Config(
    Starlette(routes=[Route("/{name}", answer)]), http="h11", log_config=None, access_log=False
)
uvicorn.Server(config).run([listening])
