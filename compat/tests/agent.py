"""An agent on AgentField's SDK as its users write them: it pauses until a person has answered.

Started as `agent.py SERVER PORT`, with its key in HOLDSHORT_API_KEY.
"""

import os
import sys

from agentfield import Agent

server, port = sys.argv[1], int(sys.argv[2])
app = Agent(
    node_id="claims",
    agentfield_server=server,
    callback_url=f"http://127.0.0.1:{port}",
    api_key=os.environ["HOLDSHORT_API_KEY"],
)


@app.reasoner()
async def settle(claim: str, rounds: int = 1) -> dict:
    for _ in range(rounds):
        result = await app.pause(approval_request_id=claim, expires_in_hours=1)
        if not result.changes_requested:
            break
    return {
        "decision": result.decision,
        "feedback": result.feedback,
        "response": result.raw_response,
    }


@app.reasoner()
async def resume(claim: str, paused: str) -> dict:
    result = await app.wait_for_resume(claim, execution_id=paused, timeout=30)
    print(f"resumed with {result.decision}: {result.feedback}", flush=True)
    return {"decision": result.decision}


app.serve(host="127.0.0.1", port=port, log_level="warning", access_log=False)
