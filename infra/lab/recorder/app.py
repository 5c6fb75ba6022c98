"""The recorder's application: the three services, what they were sent, and the knobs."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from infra.lab.recorder.alertmanager import Alertmanager
from infra.lab.recorder.memory import Memory
from infra.lab.recorder.page import page
from infra.lab.recorder.pagerduty import PagerDuty
from infra.lab.recorder.refusals import KnobError, Refusals
from infra.lab.recorder.slack_http import SlackHttp


class Recorder:
    """What belongs to no single service."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.refusals = Refusals()

    def app(self) -> Starlette:
        """Return the ASGI application."""
        services = (SlackHttp, PagerDuty, Alertmanager)
        routes = [route for service in services for route in service(self.memory, self.refusals).routes()]
        return Starlette(
            routes=[
                Route("/", self.page),
                Route("/healthz", self.healthy),
                Route("/revision", self.revision),
                Route("/messages.json", self.messages, methods=["GET", "DELETE"]),
                Route("/slack/messages.json", self.slack_messages),
                Route("/fail", self.fail, methods=["GET", "POST", "DELETE"]),
                *routes,
            ]
        )

    async def page(self, _: Request) -> Response:
        """Show everything to a person."""
        policy = "default-src 'self' 'unsafe-inline'; img-src * data:"
        return HTMLResponse(page(self.memory), headers={"Content-Security-Policy": policy})

    async def healthy(self, _: Request) -> Response:
        """Say so."""
        return PlainTextResponse("ok\n")

    async def revision(self, _: Request) -> Response:
        """Return a number that grows with every change."""
        return PlainTextResponse(str(self.memory.revision), headers={"Cache-Control": "no-store"})

    async def messages(self, request: Request) -> Response:
        """Return everything, or one Slack channel with ?channel=; DELETE forgets it all."""
        if request.method == "DELETE":
            self.memory.clear()
            return Response(status_code=204)
        return JSONResponse(self.memory.document(channel=request.query_params.get("channel", "")))

    async def slack_messages(self, request: Request) -> Response:
        """Return Slack's messages alone, oldest first, of one channel with ?channel=."""
        return JSONResponse(self.memory.document(channel=request.query_params.get("channel", ""))["slack"])

    async def fail(self, request: Request) -> Response:
        """Set, show or clear what is refused."""
        if request.method == "DELETE":
            self.refusals.clear()
        elif request.method == "POST":
            try:
                self.refusals.set(await request.json())
            except (KnobError, ValueError) as error:
                return PlainTextResponse(f"{error}\n", 400)
        return JSONResponse(self.refusals.document())
