use bytes::Bytes;

use super::options::{Options, double};
use super::{Command, Keys, Outcome, Read, Refusal, Write};
use crate::db::{Score, SortedSet};
use crate::wire::{Reply, format_double};

pub(super) const COMMANDS: &[Command] = &[
    Command::write("zadd", -4, Keys::First, add),
    Command::write("zrem", -3, Keys::First, remove),
    Command::read("zcard", 2, Keys::First, length),
    Command::read("zscore", 3, Keys::First, score),
];

/// The options of `ZADD`.
#[derive(Default)]
struct AddOptions {
    only_new: bool,
    only_present: bool,
    only_greater: bool,
    only_less: bool,
    count_changed: bool,
    increment: bool,
}

impl AddOptions {
    /// Reads the options and returns them with what follows, scores and members.
    fn read(args: &[Bytes]) -> Result<(Self, &[Bytes]), Refusal> {
        let (mut read, mut options) = (Self::default(), Options::new(args));
        while let Some(keyword) = options.peek() {
            match keyword.as_str() {
                "NX" => read.only_new = true,
                "XX" => read.only_present = true,
                "GT" => read.only_greater = true,
                "LT" => read.only_less = true,
                "CH" => read.count_changed = true,
                "INCR" => read.increment = true,
                _ => break,
            }
            options.value()?;
        }
        let rest = options.rest();
        if rest.is_empty() || !rest.len().is_multiple_of(2) {
            return Err(Refusal::Syntax);
        }
        read.check(rest.len() / 2)?;
        Ok((read, rest))
    }

    fn check(&self, members: usize) -> Result<(), Refusal> {
        let text = if self.only_new && self.only_present {
            "ERR XX and NX options at the same time are not compatible"
        } else if self.only_greater && (self.only_new || self.only_less)
            || self.only_less && self.only_new
        {
            "ERR GT, LT, and/or NX options at the same time are not compatible"
        } else if self.increment && members > 1 {
            "ERR INCR option supports a single increment-element pair"
        } else {
            return Ok(());
        };
        Err(Refusal::other(text))
    }

    /// The score the member gets, or `None` if the options forbid the change.
    fn decide(&self, old: Option<Score>, given: f64) -> Result<Option<Score>, Refusal> {
        let forbidden = if old.is_some() {
            self.only_new
        } else {
            self.only_present
        };
        if forbidden {
            return Ok(None);
        }
        let value = match old {
            Some(old) if self.increment => old.value() + given,
            _ => given,
        };
        let new =
            Score::new(value).ok_or(Refusal::other("ERR resulting score is not a number (NaN)"))?;
        let kept =
            old.is_some_and(|old| self.only_greater && new <= old || self.only_less && new >= old);
        Ok((!kept).then_some(new))
    }
}

fn add(call: &mut Write<'_>) -> Outcome {
    let (options, pairs) = AddOptions::read(&call.args[1..])?;
    // A bad score in the last pair must not leave the first ones in the set.
    let pairs = pairs
        .chunks_exact(2)
        .map(|pair| Ok((double(&pair[0])?, &pair[1])));
    let pairs: Vec<(f64, &Bytes)> = pairs.collect::<Result<_, Refusal>>()?;
    let key = &call.args[0];
    if call.db.view::<SortedSet>(key)?.is_none() && options.only_present {
        return Ok(if options.increment {
            Reply::Nil
        } else {
            Reply::Integer(0)
        });
    }
    let set = call.db.edit_or_create::<SortedSet>(key)?;
    let (mut added, mut changed, mut last) = (0, Vec::new(), None);
    for (given, member) in pairs {
        let old = set.score(member);
        last = options.decide(old, given)?;
        let Some(new) = last else { continue };
        added += usize::from(old.is_none());
        if old != Some(new) {
            set.insert(member.clone(), new);
            changed.push((format_double(new.value()), member));
        }
    }
    log_scores(call, &changed);
    Ok(match (options.increment, options.count_changed) {
        (true, _) => last.map_or(Reply::Nil, |score| Reply::Double(score.value())),
        (false, true) => Reply::count(changed.len()),
        (false, false) => Reply::count(added),
    })
}

/// Logs the scores as they became, without the options that led there.
fn log_scores(call: &mut Write<'_>, changed: &[(String, &Bytes)]) {
    if changed.is_empty() {
        return;
    }
    let mut words: Vec<&[u8]> = vec![b"ZADD", &call.args[0]];
    words.extend(
        changed
            .iter()
            .flat_map(|(score, member)| [score.as_bytes(), member]),
    );
    call.log(&words);
}

fn remove(call: &mut Write<'_>) -> Outcome {
    let Some(set) = call.db.edit::<SortedSet>(&call.args[0])? else {
        return Ok(Reply::Integer(0));
    };
    let removed = call.args[1..]
        .iter()
        .filter(|member| set.remove(member))
        .count();
    if removed > 0 {
        call.db.remove_if_vacant(&call.args[0]);
        call.log_as_given();
    }
    Ok(Reply::count(removed))
}

fn length(call: &Read<'_>) -> Outcome {
    Ok(Reply::count(
        call.db
            .view::<SortedSet>(&call.args[0])?
            .map_or(0, SortedSet::len),
    ))
}

fn score(call: &Read<'_>) -> Outcome {
    let set = call.db.view::<SortedSet>(&call.args[0])?;
    let score = set.and_then(|set| set.score(&call.args[1]));
    Ok(score.map_or(Reply::Nil, |score| Reply::Double(score.value())))
}
