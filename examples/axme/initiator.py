"""Ask with PyPI's `axme`, unmodified: send an intent and wait for whoever decides.

HOLDSHORT_API_KEY=hs_agent_… python initiator.py
"""

import os

from axme import AxmeClient, AxmeClientConfig

BASE_URL = os.environ.get("HOLDSHORT_URL", "http://127.0.0.1:8100")


def main() -> int:
    config = AxmeClientConfig(base_url=BASE_URL, api_key=os.environ["HOLDSHORT_API_KEY"])
    with AxmeClient(config) as client:
        intent_id = client.send_intent(
            {
                "intent_type": "intent.data.export_approval.v1",
                "to_agent": "agent://myorg/production/data-exporter",
                "payload": {"dataset": "customers_q1", "pii_detected": True},
            }
        )
        print(f"asked: {intent_id}", flush=True)
        result = client.wait_for(intent_id)["details"]["result"]
    print(f"{result['outcome']} by {result['decided_by']}", flush=True)
    return 0 if result["approved"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
