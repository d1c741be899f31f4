//! Reads the recorded commands: what kubectl printed against a real API server.

use std::collections::BTreeMap;

/// One command and what it printed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Block {
    pub(crate) number: u32,
    pub(crate) command: String,
    pub(crate) stdin: String,
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The files that the commands use, by name, and the commands in their order.
pub(crate) fn read(text: &str) -> (BTreeMap<String, String>, Vec<Block>) {
    let (mut files, mut blocks) = (BTreeMap::new(), Vec::<Block>::new());
    let mut title = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(heading) = line.strip_prefix("## ") {
            blocks.push(heading_of(heading));
        } else if line.starts_with("```") {
            let content = fence(&mut lines);
            match blocks.last_mut() {
                None => drop(files.insert(title.trim_matches('`').to_owned(), content)),
                Some(block) => *block.part(&title) = content,
            }
        } else if let (Some(exit), Some(block)) = (line.strip_prefix("exit "), blocks.last_mut()) {
            block.exit = exit.parse().expect("an exit code is a number");
        } else if !line.is_empty() {
            title = line.to_owned();
        }
    }
    (files, blocks)
}

impl Block {
    fn part(&mut self, title: &str) -> &mut String {
        match title {
            "stdin:" => &mut self.stdin,
            "stdout:" => &mut self.stdout,
            "stderr:" => &mut self.stderr,
            other => panic!("{}: {other:?} is no part of a command", self.number),
        }
    }
}

/// ``12. `kubectl get ns` ``
fn heading_of(heading: &str) -> Block {
    let (number, command) = heading.split_once(". ").expect("a heading has a number");
    Block {
        number: number.parse().expect("a heading begins with its number"),
        command: command.trim_matches('`').to_owned(),
        ..Block::default()
    }
}

/// Up to the closing fence, which follows the last character where a newline was not printed.
fn fence<'a>(lines: &mut impl Iterator<Item = &'a str>) -> String {
    let mut content = String::new();
    for line in lines {
        if let Some(rest) = line.strip_suffix("```") {
            return content + rest;
        }
        content.push_str(line);
        content.push('\n');
    }
    panic!("a fence is not closed");
}
