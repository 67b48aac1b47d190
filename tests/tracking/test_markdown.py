"""Notes as HTML: Markdown for people, and nothing that runs, loads or leads astray."""

import pytest

from nbproof.tracking.markdown import markdown_html


def test_what_people_write_in_notes_is_rendered():
    html = markdown_html(
        "# Plan\n\n- **bold** and `code`\n- ~~gone~~\n\na\nb\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    )
    for part in (
        "<h1>Plan</h1>",
        "<strong>bold</strong>",
        "<code>code</code>",
        "<s>gone</s>",
        "a<br",
        "<td>1</td>",
    ):
        assert part in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:msgbox)",
        "<javascript:alert(1)>",
        "![x](https://example.org/seen.png)",
        "[x]: javascript:alert(1)\n\n[x]",
        '[x](https://a.org "\\" onmouseover=alert(1)")',
        '```"><script>\nx\n```',
    ],
)
def test_nothing_in_notes_runs_or_loads(text):
    html = markdown_html(text)
    for sign in ("<script", "<img", 'href="java', 'href="JaVa', 'href="data', 'href="vb'):
        assert sign not in html
    assert "onmouseover=" not in html.replace("&quot; onmouseover=", "")


def test_links_to_the_web_to_mail_and_within_stay():
    html = markdown_html("[a](https://a.org/x?y=1:2) [b](mailto:ann@a.org) [c](#part) [d](other/page.md)")
    assert html.count("<a href=") == 4
