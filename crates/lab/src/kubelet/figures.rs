//! CPU time and memory of process groups, as the operating system counts them.

use std::fs;
use std::process::Command;
use std::time::Duration;

use rustix::process::Pid;

/// What a process group has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    /// CPU time since its processes began.
    pub cpu: Duration,
    /// Memory now, in bytes.
    pub memory: u64,
}

/// Deepest chain of children followed; the lab's pods have two.
const DEPTH: usize = 4;

/// Figures of a leader and its descendants; none where it has ended.
pub(super) fn of_group(leader: Pid) -> Option<Figures> {
    if !has_proc() {
        return by_ps(leader);
    }
    let members = members(leader.as_raw_nonzero().get());
    let found: Vec<Figures> = members.into_iter().filter_map(of_process).collect();
    let sum = |sum: Figures, one: &Figures| Figures {
        cpu: sum.cpu + one.cpu,
        memory: sum.memory + one.memory,
    };
    (!found.is_empty()).then(|| found.iter().fold(Figures::default(), sum))
}

/// Memory that a group alone has, in bytes: what is not shared with files, which is what a
/// container's limit counts. None where it cannot be read cheaply.
pub(super) fn own_memory(leader: Pid) -> Option<u64> {
    if !has_proc() {
        return None;
    }
    let members = members(leader.as_raw_nonzero().get());
    Some(members.into_iter().filter_map(memory).sum())
}

/// Memory of the machine in bytes; none where the operating system does not tell.
pub(crate) fn machine_memory() -> Option<u64> {
    if let Ok(text) = fs::read_to_string("/proc/meminfo") {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:"))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        return Some(kibibytes * 1024);
    }
    let told = Command::new("sysctl")
        .args(["-n", "hw.memsize"])
        .output()
        .ok()?;
    String::from_utf8_lossy(&told.stdout).trim().parse().ok()
}

fn has_proc() -> bool {
    cfg!(target_os = "linux")
}

/// A process and its descendants.
fn members(pid: i32) -> Vec<i32> {
    let mut all = vec![pid];
    let mut newest = 0;
    for _ in 0..DEPTH {
        let children: Vec<i32> = all[newest..].iter().copied().flat_map(children).collect();
        newest = all.len();
        all.extend(children);
    }
    all
}

/// proc(5): each thread lists the processes it started.
fn children(pid: i32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let parse = |list: String| {
        list.split_whitespace()
            .filter_map(|it| it.parse().ok())
            .collect::<Vec<_>>()
    };
    lists.flat_map(parse).collect()
}

fn of_process(pid: i32) -> Option<Figures> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // proc(5): utime and stime are fields 14 and 15; the name in field 2 may hold blanks.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Figures {
        cpu: Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second().max(1)),
        memory: memory(pid)?,
    })
}

fn memory(pid: i32) -> Option<u64> {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    // proc(5): pages resident, then those of them that are shared with files.
    let mut pages = statm
        .split(' ')
        .skip(1)
        .map_while(|it| it.parse::<u64>().ok());
    let (resident, shared) = (pages.next()?, pages.next()?);
    Some(resident.saturating_sub(shared) * rustix::param::page_size() as u64)
}

/// Everywhere else: ps knows, with the memory that is shared counted for each.
fn by_ps(leader: Pid) -> Option<Figures> {
    let told = Command::new("ps")
        .args(["-axo", "pgid=,rss=,time="])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    let rows = text
        .lines()
        .filter_map(|line| row(line, leader.as_raw_nonzero().get()));
    rows.reduce(|sum, one| Figures {
        cpu: sum.cpu + one.cpu,
        memory: sum.memory + one.memory,
    })
}

fn row(line: &str, group: i32) -> Option<Figures> {
    let mut fields = line.split_whitespace();
    if fields.next()?.parse::<i32>().ok()? != group {
        return None;
    }
    let kibibytes: u64 = fields.next()?.parse().ok()?;
    // `[hours:]minutes:seconds[.hundredths]`
    let seconds = fields.next()?.split(':').try_fold(0.0, |sum, part| {
        part.parse::<f64>().ok().map(|part| sum * 60.0 + part)
    });
    Some(Figures {
        cpu: Duration::try_from_secs_f64(seconds?).ok()?,
        memory: kibibytes * 1024,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_busy_process_has_used_time_and_memory() {
        let own = Pid::from_raw(std::process::id().cast_signed()).unwrap();
        let began = std::time::Instant::now();
        while of_group(own).unwrap().cpu.is_zero() && began.elapsed().as_secs() < 10 {}
        let figures = of_group(own).unwrap();
        assert!(!figures.cpu.is_zero() && figures.memory > 0, "{figures:?}");
        assert!(own_memory(own).unwrap() > 0);
        assert!(machine_memory().unwrap() > figures.memory);
    }

    #[test]
    fn rows_of_ps_are_read() {
        let expected = Figures {
            cpu: Duration::from_millis(61_500),
            memory: 2048 * 1024,
        };
        assert_eq!(row("  42  2048   1:01.50", 42), Some(expected));
        assert_eq!(row("  43  2048   1:01.50", 42), None);
        assert_eq!(row("  42  2048  01:00:00", 42).unwrap().cpu.as_secs(), 3600);
        assert_eq!(row("nonsense", 42), None);
    }
}
