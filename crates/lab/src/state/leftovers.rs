//! Processes that outlived their lab.
//!
//! The lifeline ends every pod with its lab, but a process that is stopped
//! (SIGSTOP) cannot notice. So each pod's process group is noted in a file, and
//! the next lab ends those that are still the same process.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use rustix::process::{Pid, Signal, kill_process_group};

use super::StateDir;

/// The file of process groups.
#[derive(Debug)]
pub struct Leftovers(Mutex<File>);

impl Leftovers {
    /// Ends what the last lab left behind and begins a new list.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn end_and_begin(state: &StateDir) -> anyhow::Result<Self> {
        let path = state.path("processes");
        let ended = fs::read_to_string(&path)
            .unwrap_or_default()
            .lines()
            .filter_map(parse)
            .filter(|(pid, started)| started_at(*pid).as_deref() == Some(*started))
            .filter(|(pid, _)| kill_process_group(*pid, Signal::KILL).is_ok())
            .count();
        if ended > 0 {
            tracing::warn!(ended, "ended processes that an earlier lab left behind");
        }
        let file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .open(&path)?;
        Ok(Self(Mutex::new(file)))
    }

    /// Notes a process group by its leader.
    pub fn note(&self, leader: Pid) {
        let Some(started) = started_at(leader) else {
            return; // It has ended already.
        };
        let mut file = self.0.lock().expect("no holder of this lock panics");
        if let Err(error) = writeln!(file, "{} {started}", leader.as_raw_nonzero()) {
            tracing::warn!(%error, "cannot note a process; if it is stopped while the lab dies, end it by hand");
        }
    }
}

fn parse(line: &str) -> Option<(Pid, &str)> {
    let (pid, started) = line.split_once(' ')?;
    Some((Pid::from_raw(pid.parse().ok()?)?, started))
}

/// When the process started: with its pid this names it for good, as pids are used again.
fn started_at(pid: Pid) -> Option<String> {
    let pid = pid.as_raw_nonzero();
    if let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) {
        // proc(5): field 22 is starttime; the name in field 2 may hold blanks and parentheses.
        let after_name = stat.rsplit_once(") ")?.1;
        return after_name.split(' ').nth(19).map(str::to_owned);
    }
    if Path::new("/proc/self/stat").exists() {
        return None; // It has ended.
    }
    let ps = std::process::Command::new("ps")
        .args(["-o", "lstart=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&ps.stdout).trim().replace(' ', "-");
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::Command;

    #[test]
    fn a_stopped_process_is_ended_by_the_next_lab_and_a_stranger_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        let spawn = || {
            Command::new("sleep")
                .arg("60")
                .process_group(0)
                .spawn()
                .unwrap()
        };
        let (mut left, mut stranger) = (spawn(), spawn());
        let pid = |child: &std::process::Child| Pid::from_raw(child.id().cast_signed()).unwrap();
        let leftovers = Leftovers::end_and_begin(&state).unwrap();
        leftovers.note(pid(&left));
        rustix::process::kill_process(pid(&left), Signal::STOP).unwrap();
        // Same pid, another start time: the number was used again.
        let mut file = OpenOptions::new()
            .append(true)
            .open(state.path("processes"))
            .unwrap();
        writeln!(file, "{} 12345", stranger.id()).unwrap();
        Leftovers::end_and_begin(&state).unwrap();
        assert_eq!(left.wait().unwrap().signal(), Some(Signal::KILL.as_raw()));
        assert!(stranger.try_wait().unwrap().is_none());
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }
}
