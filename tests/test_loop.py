"""The loop: what is done with a reply, what the model is told of it, and how a run ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from screens import Screens
from scripted import ScriptedModel

from agent import prompts
from agent.loop import Agent, LookAgain, NoGuide
from agent.safety import Denied, Refused
from agent.trajectory import Ask, Ending, Finish, Step
from model.computer_use import call, response
from model.families import TINY
from model.messages import Message
from model.vlm import PromptTooLarge, Reply, Sampling
from tools.actions import Action, Click, Press, Type, Wait
from tools.environment import ActionFailed, EnvironmentLost, Screenshot
from tools.geometry import Point

CLICK = call("left_click", coordinate=[100, 50])
CLICKED = Click(Point(100, 50))
DONE = call("terminate", status="success")
ASK = call("interact", text="Which Anna?")
GIVE_UP = call("terminate", status="failure")


def run(replies: Sequence[str], environment: Screens | None = None, **settings: object) -> list[Step]:
    agent = Agent(ScriptedModel(replies), environment or Screens(), **settings)  # type: ignore[arg-type]
    return list(agent.run("Do it"))


def numbered(count: int) -> list[str]:
    """Replies that each do something else."""
    return [call("type", text=str(number)) for number in range(count)]


class Kept:
    """A journal that remembers the order of things."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, Step]] = []

    def intent(self, step: Step) -> None:
        self.lines.append(("intent", step))

    def outcome(self, step: Step) -> None:
        self.lines.append(("outcome", step))


class Speaking:
    """A model that speaks until it is cancelled, and says when it has begun."""

    name, family = "speaking", TINY

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.reply = Reply(iter(()))

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        self.reply = Reply(iter(()))
        self.reply.pieces = self.words(self.reply)
        return self.reply

    def words(self, reply: Reply) -> Iterator[str]:
        yield "well, "
        self.begun.set()
        assert reply.cancelled.wait(20), "nobody stopped it"
        yield from (CLICK,)  # what was on its way when the stop came


# -- what happens in a step ----------------------------------------------------------------------------------------


def test_the_reply_is_done_and_the_next_screen_is_seen() -> None:
    screens = Screens(result=lambda action: "a tab opened")
    first, last = run([f"I click.\n{CLICK}", DONE], screens)
    assert screens.done == [CLICKED] == list(first.actions)
    assert (first.reply, first.result) == (f"I click.\n{CLICK}", "a tab opened")
    assert not first.mistake and first.ending is None
    assert (first.screenshot.title, last.screenshot.title) == ("Screen 0", "Screen 1")
    assert [step.index for step in (first, last)] == [0, 1]
    assert last.finish == Finish(True) and last.ending == Ending("finished")


def test_every_step_knows_its_time_and_tokens() -> None:
    for step in run([CLICK, DONE]):
        assert step.seconds.perceive > 0 and step.seconds.plan > 0 and step.seconds.act > 0
        assert step.usage.new_tokens > 0 and step.usage.finish == "stop"


def test_the_model_gets_its_own_replies_and_the_results_back() -> None:
    model = ScriptedModel([CLICK, "hm", DONE])
    steps = list(Agent(model, Screens(result=lambda action: "a tab opened")).run("Do it"))
    texts = [message.text for message in model.asked[-1]]
    assert texts[1:] == ["Do it", CLICK, response("a tab opened"), "hm", response(steps[1].result)]


def test_one_call_may_be_several_actions() -> None:
    screens = Screens()
    run([call("type", coordinate=[3, 4], text="tea", press_enter=True), DONE], screens)
    assert screens.done == [Click(Point(3, 4)), Type("tea"), Press(("enter",))]


def test_nothing_behind_the_first_call_is_heard_or_done() -> None:
    screens, heard = Screens(), list[str]()
    first, _ = run([f"{CLICK}\n{call('left_click', coordinate=[1, 1])}", DONE], screens, on_text=heard.append)
    assert first.reply == CLICK and screens.done == [CLICKED]
    assert "".join(heard) == CLICK + DONE and len(heard) > 10


def test_a_long_wait_is_as_long_in_short_parts() -> None:
    screens = Screens()
    run([call("wait", time=290.25), DONE], screens)
    assert screens.done == [*[Wait(0.5)] * 580, Wait(0.25)]


# -- the model's mistakes ------------------------------------------------------------------------------------------


def fails(action: Action) -> str:
    raise ActionFailed("nothing there; look again")


class NoTyping:
    def check(self, action: Action, screenshot: Screenshot) -> None:
        if isinstance(action, Type):
            raise Refused("typing is not allowed; ask the user")

    def heard(self, words: str) -> None:
        pass


def test_a_failed_action_is_told_to_the_model() -> None:
    first, _ = run([CLICK, DONE], Screens(result=fails))
    assert (first.result, first.mistake, first.actions) == ("nothing there; look again", True, (CLICKED,))


class NoClicks:
    def check(self, action: Action, screenshot: Screenshot) -> None:
        raise Denied("click at (1, 2); nobody said yes")

    def heard(self, words: str) -> None:
        pass


def test_what_a_person_denies_ends_the_run() -> None:
    screens = Screens()
    (only,) = run([CLICK, DONE], screens, policy=NoClicks())
    assert only.ending == Ending("denied", "click at (1, 2); nobody said yes") and not screens.done
    assert only.result == prompts.DENIED and only.mistake


@pytest.mark.parametrize(
    ("budget", "count"), [({"max_tokens": 1}, 1), ({"max_minutes": 1e-9}, 1), ({"max_steps": 2}, 2)]
)
def test_a_run_ends_when_its_budget_is_used(budget: dict[str, float], count: int) -> None:
    steps = run([CLICK, CLICK, CLICK], Screens(), **budget)
    assert len(steps) == count and steps[-1].ending and steps[-1].ending.reason == "budget"


def test_an_unreadable_reply_is_told_to_the_model_and_nothing_is_done() -> None:
    screens = Screens()
    first, _ = run(["I would click.", DONE], screens)
    assert first.mistake and not first.actions and not screens.done
    assert "tool call" in first.result


def test_a_point_outside_the_screen_is_told_to_the_model() -> None:
    first, _ = run([call("left_click", coordinate=[5000, 50]), DONE])
    assert first.mistake and not first.actions and "5000" in first.result


def test_a_refusal_is_told_to_the_model_and_no_part_of_the_call_is_done() -> None:
    screens, journal = Screens(), Kept()
    first, _ = run([call("type", coordinate=[3, 4], text="tea"), DONE], screens, policy=NoTyping(), journal=journal)
    assert first.mistake and first.result == "typing is not allowed; ask the user" and not screens.done
    assert [kind for kind, step in journal.lines if step.index == 0] == ["outcome"], "no intent: it was never meant"


def test_a_bug_is_not_caught() -> None:
    def broken(action: Action) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run([CLICK], Screens(result=broken))


# -- endings -------------------------------------------------------------------------------------------------------


def test_giving_up_is_a_failure() -> None:
    (step,) = run([GIVE_UP])
    assert step.finish == Finish(False) and step.ending == Ending("failed")


def test_an_answer_ends_the_run() -> None:
    (step,) = run([call("answer", text="42")])
    assert step.ending == Ending("finished", "42")


def test_three_unreadable_replies_in_a_row_end_the_run() -> None:
    steps = run(["one", CLICK, "two", "three", "four"])
    assert [step.ending is None for step in steps] == [True] * 4 + [False]
    assert steps[-1].ending and steps[-1].ending.reason == "unreadable"


def test_the_run_ends_at_max_steps() -> None:
    steps = run(numbered(9), max_steps=4)
    assert len(steps) == 4 and steps[-1].ending and steps[-1].ending.reason == "budget"


def test_a_finish_at_the_last_step_is_a_finish() -> None:
    assert run([*numbered(3), DONE], max_steps=4)[-1].ending == Ending("finished")


def test_a_model_that_repeats_itself_is_warned_and_then_stopped() -> None:
    model = ScriptedModel([CLICK] * 9)
    steps = list(Agent(model, Screens(changes=lambda action: False)).run("Do it"))
    assert [step.result for step in steps] == ["", *[prompts.REPEATED] * 3]
    assert model.asked[2][-1].text == response(prompts.REPEATED)
    assert steps[-1].ending and steps[-1].ending.reason == "stuck"


def test_a_model_that_heeds_the_warning_goes_on() -> None:
    screens = Screens(changes=lambda action: isinstance(action, Type))
    assert run([CLICK, CLICK, *numbered(2), DONE], screens)[-1].ending == Ending("finished")


@pytest.mark.parametrize("lost_at", [0, 2])
def test_a_screen_that_is_gone_ends_the_run(lost_at: int) -> None:
    journal = Kept()
    steps = run(numbered(9), Screens(lost_at=lost_at), journal=journal)
    assert len(steps) == lost_at + 1 and steps[-1].ending == Ending("lost", "the screen is gone")
    assert not steps[-1].reply and journal.lines[-1] == ("outcome", steps[-1])


def test_a_screen_that_goes_during_an_action_ends_the_run() -> None:
    def dies(action: Action) -> str:
        raise EnvironmentLost("Chromium died")

    (step,) = run([CLICK], Screens(result=dies))
    assert step.ending == Ending("lost", "Chromium died") and step.actions == (CLICKED,) and not step.mistake


def test_a_prompt_that_cannot_fit_ends_the_run_with_its_reason() -> None:
    class Full(ScriptedModel):
        def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
            raise PromptTooLarge("needs 9 GB of 8")

    (step,) = Agent(Full([]), Screens()).run("Do it")
    assert step.ending == Ending("budget", "needs 9 GB of 8")


# -- the journal ---------------------------------------------------------------------------------------------------


def test_the_intent_is_kept_before_and_the_outcome_after_the_action() -> None:
    screens, journal = Screens(), Kept()
    kept: list[int] = []

    def count(action: Action) -> str:
        kept.append(len(journal.lines))
        return ""

    screens.result = count
    steps = run([CLICK, "hm", DONE], screens, journal=journal)
    assert kept == [1], "one line is kept when the action begins"
    assert [(kind, step.index) for kind, step in journal.lines] == [
        *[("intent", 0), ("outcome", 0), ("outcome", 1), ("intent", 2), ("outcome", 2)]
    ]
    assert [step for kind, step in journal.lines if kind == "outcome"] == steps
    assert journal.lines[0][1] == replace(steps[0], result="", seconds=journal.lines[0][1].seconds)


# -- a person in the model's place ---------------------------------------------------------------------------------


class Person(NoGuide):
    """Says at each turn what it was told to say, then lets the model go on; keeps what it was shown."""

    def __init__(self, *turns: Action | type[LookAgain] | None) -> None:
        self.turns, self.shown = iter(turns), list[Step]()

    def turn(self, step: Step) -> Action | None:
        self.shown.append(step)
        turn = next(self.turns, None)
        if turn is LookAgain:
            raise LookAgain
        return turn  # type: ignore[return-value]


def test_the_guide_is_shown_the_screen_before_the_model_speaks_and_the_action_before_it_is_done() -> None:
    guide, screens = Person(), Screens()
    first, last = run([CLICK, DONE], screens, guide=guide)
    assert [(step.index, step.reply, step.actions) for step in guide.shown] == [
        *[(0, "", ()), (0, CLICK, (CLICKED,)), (1, "", ()), (1, DONE, ())]
    ]
    assert not first.by_person and not first.corrected and last.ending == Ending("finished")


def test_a_person_acts_in_the_models_place_and_the_model_is_told_as_if_it_had() -> None:
    guide, screens, model = Person(Type("tea"), CLICKED), Screens(), ScriptedModel([DONE])
    first, second, last = Agent(model, screens, guide=guide, policy=NoTyping()).run("Do it")
    assert screens.done == [Type("tea"), CLICKED], "nor does the policy forbid a person anything"
    assert [step.by_person for step in (first, second, last)] == [True, True, False]
    assert first.reply == call("type", text="tea") and first.usage.new_tokens == 0
    assert [message.text for message in model.asked[0]][1:] == ["Do it", first.reply, response(""), CLICK, response("")]


def test_a_person_does_something_else_than_the_model_wants() -> None:
    for said in (f"I click.\n{CLICK}", DONE, ASK):
        guide, screens = Person(None, Press(("enter",))), Screens()
        first, _ = run([said, DONE], screens, guide=guide)
        assert screens.done == [Press(("enter",))] == list(first.actions)
        assert (first.by_person, first.corrected, first.finish, first.ask) == (True, said, None, None)


def test_a_step_that_begins_anew_leaves_nothing_behind() -> None:
    guide, journal, screens = Person(LookAgain, None, LookAgain), Kept(), Screens()
    steps = run([CLICK, CLICK, DONE], screens, guide=guide, journal=journal)
    assert len(steps) == 2 and screens.done == [CLICKED] and screens.looks == 4
    assert [step.index for _, step in journal.lines] == [0, 0, 1, 1]


def test_the_steps_of_a_person_are_not_counted_and_never_stuck() -> None:
    guide, screens = Person(*[CLICKED] * 20), Screens(changes=lambda action: False)
    steps = run([call("type", text="a"), DONE], screens, guide=guide, max_steps=2)
    assert len(steps) == 22 and steps[-1].ending == Ending("finished")
    assert not any(step.result for step in steps[:20])


# -- a person who answers ------------------------------------------------------------------------------------------


class Answering(NoGuide):
    """Says to each question what `says` gives; keeps the questions."""

    def __init__(self, says: Callable[[str], str]) -> None:
        self.says, self.asked = says, list[str]()

    def ask(self, question: str) -> str:
        self.asked.append(question)
        return self.says(question)


def test_the_model_asks_is_told_what_the_person_says_and_goes_on() -> None:
    model, screens, journal = ScriptedModel([ASK, CLICK, DONE]), Screens(), Kept()
    guide = Answering(lambda question: "Anna Berg")
    first, *_, last = Agent(model, screens, guide=guide, journal=journal).run("Do it")
    assert guide.asked == ["Which Anna?"] and screens.done == [CLICKED] and last.ending == Ending("finished")
    assert (first.ask, first.result, first.mistake) == (Ask("Which Anna?"), prompts.answered("Anna Berg"), False)
    assert model.asked[1][-1].text == response(prompts.answered("Anna Berg"))
    assert journal.lines[0][0] == "intent" and journal.lines[0][1].ask == first.ask, "kept before it is asked"


def test_where_nobody_answers_the_model_is_told_so_and_the_third_time_ends_the_run() -> None:
    model = ScriptedModel([ASK] * 9)
    steps = list(Agent(model, Screens()).run("Do it"))
    assert all(step.mistake and not step.readable for step in steps)
    assert steps[0].result == prompts.NOBODY and model.asked[1][-1].text == response(prompts.NOBODY)
    assert len(steps) == 3 and steps[-1].ending and steps[-1].ending.reason == "unreadable"


def test_a_model_that_gets_answers_is_not_stuck() -> None:
    screens = Screens(changes=lambda action: False)
    steps = run([*[ASK, CLICK] * 6, DONE], screens, guide=Answering(lambda question: "the same one"))
    assert steps[-1].ending == Ending("finished") and not any(step.result for step in steps if step.actions)


def test_stop_while_a_question_waits_ends_the_run() -> None:
    asked, stopped = threading.Event(), threading.Event()

    def wait(question: str) -> str:
        asked.set()
        assert stopped.wait(20)
        return ""

    agent = Agent(ScriptedModel([ASK]), Screens(), guide=Answering(wait))
    stop_when(asked, agent, then=stopped)
    (step,) = agent.run("Do it")
    assert step.result == prompts.STOPPED and step.ending and step.ending.reason == "cancelled"


# -- stop ----------------------------------------------------------------------------------------------------------


def stop_when(begun: threading.Event, agent: Agent, then: threading.Event | None = None) -> None:
    """From another thread."""

    def stop() -> None:
        assert begun.wait(20)
        agent.stop()
        if then:
            then.set()

    threading.Thread(target=stop).start()


def test_stop_cuts_the_reply_and_what_it_said_is_not_done() -> None:
    model, screens = Speaking(), Screens()
    agent = Agent(model, screens)
    stop_when(model.begun, agent)
    (step,) = agent.run("Do it")
    assert step.ending and step.ending.reason == "cancelled"
    assert step.reply.startswith("well, ") and not step.actions and not screens.done


def test_stop_cuts_a_long_wait() -> None:
    waiting, stopped = threading.Event(), threading.Event()

    def wait(action: Action) -> str:
        waiting.set()
        assert stopped.wait(20)
        return ""

    screens = Screens(result=wait)
    agent = Agent(ScriptedModel([call("wait", time=300)]), screens)
    stop_when(waiting, agent, then=stopped)
    (step,) = agent.run("Do it")
    assert screens.done == [Wait(0.5)]
    assert step.result == prompts.STOPPED and step.ending and step.ending.reason == "cancelled"


def test_stop_between_two_actions_of_a_call_keeps_the_second_from_being_done() -> None:
    screens = Screens()
    agent = Agent(ScriptedModel([call("type", coordinate=[3, 4], text="tea")]), screens)

    def stop(action: Action) -> str:
        agent.stop()
        return ""

    screens.result = stop
    (step,) = agent.run("Do it")
    assert screens.done == [Click(Point(3, 4))] and step.result == prompts.STOPPED


class Stopping(Screens):
    """Calls `stop` while it looks."""

    agent: Agent

    def screenshot(self) -> Screenshot:
        self.agent.stop()
        return super().screenshot()


def test_stop_before_the_run_or_during_the_look_keeps_the_action_from_being_done() -> None:
    for screens in (Screens(), Stopping()):
        agent = Agent(ScriptedModel([CLICK]), screens)
        if isinstance(screens, Stopping):
            screens.agent = agent
        else:
            agent.stop()
        (step,) = agent.run("Do it")
        assert step.ending and step.ending.reason == "cancelled" and not screens.done


def test_stop_with_the_last_letter_of_the_reply_keeps_the_action_from_being_done() -> None:
    screens = Screens()
    agent = Agent(ScriptedModel([CLICK]), screens, on_text=lambda piece: agent.stop() if piece.endswith(">") else None)
    (step,) = agent.run("Do it")
    assert step.reply == CLICK and step.ending and step.ending.reason == "cancelled" and not screens.done


def test_an_interrupt_during_the_reply_cancels_the_model_and_leaves_whole_steps() -> None:
    journal = Kept()
    agent = Agent(ScriptedModel([CLICK, CLICK]), Screens(), journal=journal)
    steps = agent.run("Do it")
    first = next(steps)
    replies: list[Reply | None] = []

    def interrupt(piece: str) -> None:
        replies.append(agent.reply)
        raise KeyboardInterrupt

    agent.on_text = interrupt
    with pytest.raises(KeyboardInterrupt):
        next(steps)
    assert replies[0] and replies[0].cancelled.is_set()
    assert [line for line in journal.lines if line[0] == "outcome"] == [("outcome", first)]
