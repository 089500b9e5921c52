"""The report in a real browser, narrow and wide, light and dark."""

from pathlib import Path
from typing import Any

import pytest

from langgraph_gepa.report.html.page import write_report

# Contrast of every visible text with what lies behind it, by WCAG 2's formula.
FAINT = """
(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = (color) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = rgb(getComputedStyle(e).backgroundColor);
      if (color[3] > 250) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest('svg')) continue;
    const [one, two] = [light(rgb(getComputedStyle(element).color)), light(behind(element))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (two + 0.05);
    if (ratio < 4.5) faint.push(`${element.className || element.tagName} ${ratio.toFixed(2)}`);
  }
  return [...new Set(faint)];
})()
"""


@pytest.fixture(scope="module")
def page(finished: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(finished.view(), tmp_path_factory.mktemp("report") / "report.html")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [380, 1280])
def test_the_page_opens_without_complaint_and_fits(browser: Any, page: Path, width: int, dark: bool) -> None:
    """No console error, no policy violation, no request but the file itself, no sideways scrolling."""
    browser.open(page, width, dark)
    browser.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    assert browser.problems == []
    assert [url for url in browser.requests if not url.startswith("data:")] == [page.as_uri()]


def test_an_attack_in_a_text_does_not_run(browser: Any, page: Path) -> None:
    """The title is ours although feedback, prompts and inputs try to set it."""
    browser.open(page)
    assert browser.evaluate("document.title").startswith("runs/helpdesk")


def test_the_policy_stops_what_escaping_might_miss(browser: Any, page: Path, tmp_path: Path) -> None:
    """A script smuggled into the file is refused by the browser, and the browser under test reports it."""
    broken = tmp_path / "broken.html"
    broken.write_text(page.read_text().replace("</main>", "<script>document.title='owned'</script></main>"))
    browser.open(broken)
    assert browser.evaluate("document.title").startswith("runs/helpdesk")
    assert any("Content Security Policy" in problem for problem in browser.problems)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_all_text_can_be_read(browser: Any, page: Path, dark: bool) -> None:
    """Contrast AA: at least 4.5 to 1 in both themes."""
    browser.open(page, 1280, dark)
    browser.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert browser.evaluate(FAINT) == []


def test_the_theme_button_switches_and_names_the_other_theme(browser: Any, page: Path) -> None:
    """From the system's light to dark and back."""
    browser.open(page)
    ground = "getComputedStyle(document.body).backgroundColor"
    before = browser.evaluate(ground)
    browser.evaluate("document.getElementById('theme').click()")
    assert browser.evaluate(ground) != before
    assert browser.evaluate("document.getElementById('theme').textContent") == "Light"
    browser.evaluate("document.getElementById('theme').click()")
    assert browser.evaluate(ground) == before


def test_the_chart_is_one_stop_for_the_keyboard_and_arrows_walk_it(browser: Any, page: Path) -> None:
    """The focused candidate's details appear; an arrow key goes on to the next."""
    browser.open(page)
    browser.evaluate("document.querySelector('.curve.wide .point').focus()")
    tip = "document.getElementById('tip').hidden ? '' : document.getElementById('tip').textContent"
    assert browser.evaluate(tip).startswith("#0, seed")
    browser.press("ArrowRight")
    assert browser.evaluate(tip).startswith("#1, mutation of #0")
    assert browser.evaluate("document.querySelectorAll('.curve.wide [tabindex=\"0\"]').length") == 1


def test_print_shows_everything_on_white(browser: Any, page: Path) -> None:
    """On paper the navigation is gone and the ground is white, in a dark theme too."""
    browser.open(page, 1280, dark=True, media="print")
    assert browser.evaluate("getComputedStyle(document.querySelector('.bar')).display") == "none"
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.evaluate(FAINT) == []


def test_examples_are_filtered_and_sorted(browser: Any, page: Path) -> None:
    """By change and by words; how many are left stands beside the filters."""
    browser.open(page)
    browser.evaluate("""(() => {
      globalThis.put = (id, value) => {
        const field = document.getElementById(id);
        field.value = value;
        field.dispatchEvent(new Event('input', {bubbles: true}));
      };
      globalThis.tools = document.getElementById('test-change').closest('.tools');
      globalThis.shown = () => [...tools.nextElementSibling.children].filter((each) => !each.hidden);
    })()""")
    everything = browser.evaluate("shown().length")
    browser.evaluate("put('test-change', 'better')")
    better = browser.evaluate("shown().map((each) => each.dataset.change)")
    assert 0 < len(better) < everything
    assert set(better) == {"better"}
    assert browser.evaluate("tools.querySelector('.found').textContent") == f"{len(better)} of {everything}"
    browser.evaluate("put('test-change', ''); put('test-sort', 'order')")
    order = browser.evaluate("shown().map((each) => Number(each.dataset.order))")
    assert order == sorted(order)
    browser.evaluate("put('test-search', 'TEST-7')")
    assert browser.evaluate("shown().length") == 1
    assert browser.problems == []


def test_a_link_to_a_candidate_opens_its_story(browser: Any, page: Path) -> None:
    """From a node of the tree, by keyboard: what folds the target opens, and it comes into view."""
    browser.open(page)
    browser.evaluate("document.querySelector('.tree a[href=\"#story-1\"]').focus()")
    browser.press("Enter")
    opened = "new Promise((done) => setTimeout(() => done(document.getElementById('story-1').open), 100))"
    assert browser.evaluate(opened)
    assert browser.evaluate("Math.abs(document.getElementById('story-1').getBoundingClientRect().top) < innerHeight")
