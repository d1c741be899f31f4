//! Ctrl-C at any moment leaves whole rules, no file and no process.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::stage::{Stage, lesson, root};

/// A script in a process group of its own, as a terminal starts it.
fn start(stage: &Stage, kubectl_folder: &Path, scratch: &Path, verb: &str) -> Child {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Command::new(root().join("fault-injection-demo.sh"))
        .args(["--lab", verb])
        .env(
            "PATH",
            format!("{}:{}", kubectl_folder.display(), path.display()),
        )
        .env("HOME", stage.shell.home())
        .env("THEATER_STATE_DIR", &stage.lab.state_dir)
        .env("TMPDIR", scratch)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_leaves_whole_rules_no_file_and_no_process() {
    let Some(stage) = Stage::up().await else {
        return;
    };
    let tools = stage.shell.home().join("tools");
    let scratch = tempfile::tempdir().unwrap();
    let all = ["01-initial", "03-delay-fault", "99-scenarios"].map(lesson);
    // While it looks around, while it may be writing, while it waits for the first answer.
    let moments = [
        ("delay", "ctx1: http", 0),
        ("chaos", "dashboard", 700),
        ("delay", "dashboard", 1_000),
        ("chaos", "ctx1: changed", 300),
    ];
    for (verb, line, later) in moments {
        let mut child = start(&stage, &tools, scratch.path(), verb);
        let group = Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
        let _rest = reads(&mut child, line).await;
        // The moment itself is what is tried; nothing is waited for.
        tokio::time::sleep(Duration::from_millis(later)).await;
        kill_process_group(group, Signal::INT).unwrap();
        let status = tokio::time::timeout(Duration::from_secs(15), child.wait());
        let status = status.await.expect("it ends").unwrap();
        let ended = (status.code(), status.signal());
        assert!(
            [(Some(130), None), (Some(0), None)].contains(&ended),
            "{verb} at {line}: {ended:?}"
        );
        let specs = stage.specs("ctx1").await;
        assert!(all.contains(&specs), "{verb} at {line}: {specs:#?}");
        let left: Vec<_> = std::fs::read_dir(scratch.path()).unwrap().collect();
        assert!(left.is_empty(), "{verb} at {line}: {left:?}");
        testkit::wait::until("its processes to end", Duration::from_secs(2), async || {
            test_kill_process_group(group).is_err()
        })
        .await;
    }
}
