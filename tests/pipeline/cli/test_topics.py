from desk import Desk

ALL = [
    *("readings", "scores", "alerts", "dead-letters", "state", "models", "deliveries"),
    "operations",
]


def states(found: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {topic["name"]: topic["state"] for topic in found["topics"]}


def test_missing_topics_are_a_finding(desk: Desk) -> None:
    assert states(desk.ask("topics", "list", code=3)) == dict.fromkeys(ALL, "missing")


def test_a_dry_run_creates_nothing(desk: Desk) -> None:
    assert states(desk.ask("topics", "create", "--dry-run", code=3))["scores"] == "missing"
    assert states(desk.ask("topics", "list", code=3))["scores"] == "missing"


def test_topics_are_created_once(desk: Desk) -> None:
    assert states(desk.ask("topics", "create")) == dict.fromkeys(ALL, "created")
    assert states(desk.ask("topics", "create")) == dict.fromkeys(ALL, "present")
    assert states(desk.ask("topics", "list")) == dict.fromkeys(ALL, "present")


def test_topics_that_are_there_decide_how_many_partitions_the_others_get(desk: Desk) -> None:
    desk.ask("topics", "create")
    desk.write("[topics]\npartitions = 12")
    assert states(desk.ask("topics", "list")) == dict.fromkeys(ALL, "present")


def test_topics_may_have_other_names(desk: Desk) -> None:
    desk.write("[topics]\nreadings = 'plant.sensors'")
    assert "plant.sensors" in states(desk.ask("topics", "create"))


def test_a_topic_that_is_not_as_it_should_be_is_a_finding(desk: Desk) -> None:
    desk.ask("topics", "create")
    desk.write("[topics]\nscores = 'models'\nmodels = 'scores'")
    found = desk.ask("topics", "list", code=3)
    assert states(found)["models"] == "different"
    assert "wanted" in next(t["detail"] for t in found["topics"] if t["name"] == "models")


def test_people_get_a_table(desk: Desk) -> None:
    assert "dead-letters" in desk.call("topics", "create").stdout
