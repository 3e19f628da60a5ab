"""What the browser may see of the configuration."""

import json
from dataclasses import replace
from pathlib import Path

from migrator.config_file import load
from migrator.reports.config_public import public

CONFIG = """{"instances": {"Source1": {"server": "old", "password": "s3cret"}, "Dest1": {"server": "new", "password": "0ther"}},
"mappings": [{"source_instance": "Source1", "destination_instance": "Dest1"}]}"""


def test_no_secret_and_everything_json(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(CONFIG)
    environ = {"MIGRATOR__REDIS_URL": "redis://:queuepw@r", "MIGRATOR__MAPPINGS__0__COMMON_PASSWORD": "commonpw"}
    hook = tmp_path / "hook"
    hook.write_text("https://hooks.example.com/T0/h00k\n")
    environ["MIGRATOR__NOTIFICATIONS__0__URL_FILE"] = str(hook)
    config = load(path, environ)
    shown = public(config)
    text = json.dumps(shown)
    assert not any(secret in text for secret in ("s3cret", "0ther", "queuepw", "commonpw", "***", "h00k"))
    assert [instance["name"] for instance in json.loads(text)["instances"]] == ["Source1", "Dest1"]
    assert json.loads(text)["mappings"][0]["source"] == "Source1"
    assert [address["name"] for address in json.loads(text)["notifications"]] == ["json at hooks.example.com"]
    assert config.mappings[0].notifications[0].url.reveal().endswith("h00k")
    assert shown["flower_url"] == "http://127.0.0.1:5555"
    everywhere = replace(config, web=replace(config.web, host="0.0.0.0"))
    assert public(everywhere)["flower_url"] is None
