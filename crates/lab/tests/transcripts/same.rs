//! What differs from run to run, taken out of both sides before they are compared.

use std::sync::LazyLock;

use regex::Regex;

/// Patterns and what stands for them, in this order.
const RULES: [(&str, &str); 24] = [
    // How often a rollout is looked at depends on how long it takes.
    (r"(?m)^Waiting for deployment .*\n", ""),
    // Times, long and short.
    (
        r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( \+0000|Z)?",
        "TIME",
    ),
    (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000", "TIME"),
    (r"\b\d+m\d+s\b|\b\d+h\d+m\b", "AGE"),
    (r"\b\d+[smh]( \(x\d+ over \d+\w+\))?(\s|$)", "AGE$2"),
    (r"<invalid>", "AGE"),
    // Identities.
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UID"),
    (r#"(?i)(resource ?version"?:\s+)"?\d+"?"#, "${1}VERSION"),
    (r"\b10\.\d+\.\d+\.\d+\b", "IP"),
    (r"127\.0\.0\.1:\d+/[\w-]+/ctx1", "SERVER"),
    (r"IP:6443", "SERVER"),
    (r"https?://SERVER", "SERVER"),
    // Names with a hash of a template and a random ending.
    (
        r"\b(echo|web|one)-[0-9a-z]{6,10}-[0-9a-z]{5}\b",
        "$1-HASH-POD",
    ),
    (r"\b(echo|web)-[0-9a-z]{6,10}\b", "$1-HASH"),
    (
        r"pod-template-hash=[0-9a-z]{6,10}",
        "pod-template-hash=HASH",
    ),
    (r"kube-api-access-\w{5}", "kube-api-access-RANDOM"),
    (r"/tmp/[\w./-]+", "/tmp/FILE"),
    // The stand-ins for the recorded images and nodes.
    (r"\bredis:", "echo:"),
    (r"\bb-node", "ctx1-node-"),
    (r"\bctx1-node(\d)", "ctx1-node-$1"),
    (r"\b192\.168\.\d+\.\d+\b", "IP"),
    (r"\becho-[0-9a-z]{5}\b", "echo-RANDOM"),
    // Tables are padded to their widest cell, rules under headings too.
    (r"-{3,}", "---"),
    (r"[ \t]{2,}", "  "),
];

static COMPILED: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let compile = |(pattern, with)| (Regex::new(pattern).expect("a sound pattern"), with);
    RULES.into_iter().map(compile).collect()
});

/// The recording cuts lines after 300 characters; what of such a line is compared.
const LONG: usize = 200;
/// Commands of which the recording kept only this many lines.
const CUT: [(u32, usize); 2] = [(8, 25), (16, 30)];

/// What is compared of a part of a command, recorded or seen.
pub(crate) fn comparable(number: u32, text: &str) -> String {
    let kept = CUT
        .iter()
        .find(|(cut, _)| *cut == number)
        .map_or(usize::MAX, |(_, lines)| *lines);
    let kept: Vec<_> = text.lines().take(kept).collect();
    let normalized = normalized(&kept.join("\n"));
    let lines: Vec<_> = normalized
        .lines()
        .map(|line| match line.char_indices().nth(LONG) {
            Some((end, _)) => &line[..end],
            None => line,
        })
        .collect();
    lines.join("\n")
}

/// The text without what no two runs share.
fn normalized(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, with) in COMPILED.iter() {
        text = pattern.replace_all(&text, *with).into_owned();
    }
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned()
}
