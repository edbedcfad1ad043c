"""An agent on PyPI's `axme`, unmodified: it listens for its work and says how it went.

AGENT_KEY=hs_agent_… python agent.py
"""

import os

from axme import AxmeClient, AxmeClientConfig

BASE_URL = os.environ.get("HOLDSHORT_URL", "http://127.0.0.1:8100")


def main() -> None:
    config = AxmeClientConfig(base_url=BASE_URL, api_key=os.environ["AGENT_KEY"])
    with AxmeClient(config) as agent:
        for delivery in agent.listen("data-analyst"):
            intent_id = delivery["intent_id"]
            dataset = agent.get_intent(intent_id)["intent"]["payload"]["dataset"]
            found = {"action": "complete", "dataset": dataset, "recommendation": "mask first"}
            agent.resume_intent(intent_id, found)
            print(f"done: {intent_id}", flush=True)


if __name__ == "__main__":
    main()
