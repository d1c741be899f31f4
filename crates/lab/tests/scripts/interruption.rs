//! Ctrl-C at any moment leaves whole rules, no file and no process.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::stage::{Stage, lesson, root};

/// Longest wait for the end; what was begun is finished first.
const END_LIMIT: Duration = Duration::from_secs(60);

/// A script in a process group of its own, as a terminal starts it.
fn start(stage: &Stage, scratch: &Path, script: &str, words: &[&str]) -> Child {
    let tools = stage.shell.home().join("tools");
    let path = std::env::var_os("PATH").unwrap_or_default();
    Command::new(root().join(script))
        .args(words)
        .env("PATH", format!("{}:{}", tools.display(), path.display()))
        .env("HOME", stage.shell.home())
        .env("THEATER_STATE_DIR", &stage.lab.state_dir)
        .env("TMPDIR", scratch)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap()
}

/// Reads until a line starts so. What is returned must be held: a script whose reader is gone is
/// ended by its own next line.
async fn reads(child: &mut Child, start: &str) -> Lines<BufReader<ChildStdout>> {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.starts_with(start) {
            return lines;
        }
    }
    panic!("it never said {start}");
}

/// Ctrl-C so many milliseconds after a script has said a line that starts so: no file and no process is
/// left. Its exit code, and what it said of the interruption.
pub(crate) async fn interrupt(
    stage: &Stage,
    (script, words): (&str, &[&str]),
    (line, later): (&str, u64),
) -> (Option<i32>, String) {
    let scratch = tempfile::tempdir().unwrap();
    let mut child = start(stage, scratch.path(), script, words);
    let group = Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
    let _rest = reads(&mut child, line).await;
    // The moment itself is what is tried; nothing is waited for.
    tokio::time::sleep(Duration::from_millis(later)).await;
    kill_process_group(group, Signal::INT).unwrap();
    let ended = tokio::time::timeout(END_LIMIT, child.wait_with_output());
    let ended = ended.await.expect("it ends").unwrap();
    let left: Vec<_> = std::fs::read_dir(scratch.path()).unwrap().collect();
    assert!(left.is_empty(), "{words:?} at {line}: {left:?}");
    testkit::wait::until("its processes to end", Duration::from_secs(2), async || {
        test_kill_process_group(group).is_err()
    })
    .await;
    assert_eq!(ended.status.signal(), None, "{words:?} at {line}");
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    (ended.status.code(), told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_leaves_whole_rules_no_file_and_no_process() {
    let Some(stage) = Stage::up().await else {
        return;
    };
    let all = ["01-initial", "03-delay-fault", "99-scenarios"].map(lesson);
    // While it looks around, while it may be writing, while it waits for the first answer.
    let moments = [
        ("delay", ("ctx1: http", 0)),
        ("chaos", ("dashboard", 700)),
        ("delay", ("dashboard", 1_000)),
        ("chaos", ("ctx1: changed", 300)),
    ];
    for (verb, moment) in moments {
        let script = ("fault-injection-demo.sh", ["--lab", verb]);
        let (exit, told) = interrupt(&stage, (script.0, &script.1), moment).await;
        let what = format!("{verb} at {moment:?}: {exit:?} {told}");
        // A verb may have been done before it came.
        match exit {
            Some(0) => assert!(!told.contains("interrupted:"), "{what}"),
            Some(130) => {
                assert!(
                    told.contains("error: interrupted: what was begun"),
                    "{what}"
                );
                assert!(told.contains("next: run it again"), "{what}");
            }
            _ => panic!("{what}"),
        }
        let specs = stage.specs("ctx1").await;
        assert!(all.contains(&specs), "{what}: {specs:#?}");
    }
}
