//! `ZRANGE` and its older forms: parsed into one query, answered by one walk.

use bytes::Bytes;

use super::options::{Options, integer, window};
use super::{Command, Keys, Outcome, Read, Refusal};
use crate::db::{LexBound, Score, ScoreBound, SortedSet};
use crate::wire::{Reply, parse_double};

pub(super) const COMMANDS: &[Command] = &[
    Command::read("zrange", -4, Keys::First, |call| {
        answer(
            call,
            &Query::read(By::Rank, &call.args[3..], &["BYSCORE", "BYLEX", "REV"])?,
        )
    }),
    Command::read("zrangebyscore", -4, Keys::First, |call| {
        answer(call, &Query::read(By::Score, &call.args[3..], &[])?)
    }),
    Command::read("zrangebylex", -4, Keys::First, |call| {
        answer(call, &Query::read(By::Lex, &call.args[3..], &[])?)
    }),
];

#[derive(Clone, Copy, PartialEq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// What to return of a range.
struct Query {
    by: By,
    reverse: bool,
    with_scores: bool,
    limit: Option<Limit>,
}

/// A page of the range.
struct Limit {
    /// A negative offset is behind the end.
    offset: i64,
    /// A negative count is no limit.
    count: i64,
}

impl Query {
    /// Reads the options behind the bounds; `modern` ones only `ZRANGE` has.
    fn read(by: By, args: &[Bytes], modern: &[&str]) -> Result<Self, Refusal> {
        let mut query = Self {
            by,
            reverse: false,
            with_scores: false,
            limit: None,
        };
        let mut options = Options::new(args);
        while let Some(keyword) = options.keyword() {
            match keyword.as_str() {
                "WITHSCORES" => query.with_scores = true,
                "LIMIT" => {
                    let (offset, count) = (options.integer()?, options.integer()?);
                    query.limit = Some(Limit { offset, count });
                }
                word if !modern.contains(&word) => return Err(Refusal::Syntax),
                "BYSCORE" if query.by == By::Rank => query.by = By::Score,
                "BYLEX" if query.by == By::Rank => query.by = By::Lex,
                "REV" if !query.reverse => query.reverse = true,
                _ => return Err(Refusal::Syntax),
            }
        }
        query.check()?;
        Ok(query)
    }

    fn check(&self) -> Result<(), Refusal> {
        if self.limit.is_some() && self.by == By::Rank {
            return Err(Refusal::other(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if self.with_scores && self.by == By::Lex {
            return Err(Refusal::other(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        Ok(())
    }

    /// The page of a range that is already in the order of the reply.
    fn page<'a>(&self, range: impl Iterator<Item = (&'a Bytes, Score)>) -> Reply {
        let limit = self.limit.as_ref().unwrap_or(&Limit {
            offset: 0,
            count: -1,
        });
        let size = usize::try_from(limit.count).unwrap_or(usize::MAX);
        let offset = usize::try_from(limit.offset).unwrap_or(usize::MAX);
        self.reply(range.skip(offset).take(size))
    }

    fn reply<'a>(&self, members: impl Iterator<Item = (&'a Bytes, Score)>) -> Reply {
        if self.with_scores {
            Reply::Scored(
                members
                    .map(|(member, score)| (member.clone(), score.value()))
                    .collect(),
            )
        } else {
            Reply::bulks(members.map(|(member, _)| member))
        }
    }
}

fn answer(call: &Read<'_>, query: &Query) -> Outcome {
    let (first, second) = (&call.args[1], &call.args[2]);
    // Reversed, score and byte ranges name their upper end first; ranks count from the top instead.
    let (min, max) = match query.reverse && query.by != By::Rank {
        true => (second, first),
        false => (first, second),
    };
    let set = || call.db.view::<SortedSet>(&call.args[0]);
    match query.by {
        By::Rank => {
            let (start, end) = (integer(min)?, integer(max)?);
            Ok(set()?.map_or(Reply::Array(vec![]), |set| by_rank(query, set, start, end)))
        }
        By::Score => {
            let (min, max) = (score_bound(min)?, score_bound(max)?);
            Ok(set()?.map_or(Reply::Array(vec![]), |set| {
                let range = set.by_score(min, max);
                if query.reverse {
                    query.page(range.rev())
                } else {
                    query.page(range)
                }
            }))
        }
        By::Lex => {
            let (min, max) = (lex_bound(min)?, lex_bound(max)?);
            Ok(set()?.map_or(Reply::Array(vec![]), |set| {
                let range = set.by_lex(min, max);
                if query.reverse {
                    query.page(range.rev())
                } else {
                    query.page(range)
                }
            }))
        }
    }
}

/// The tree knows no ranks: it is walked from whichever end is nearer.
fn by_rank(query: &Query, set: &SortedSet, start: i64, end: i64) -> Reply {
    let wanted = window(start, end, set.len());
    let (from_start, from_end) = (wanted.start, set.len() - wanted.end);
    let (near, far) = (from_start.min(from_end), wanted.len());
    let backwards = from_end < from_start;
    let walk: Box<dyn Iterator<Item = _>> = match query.reverse != backwards {
        true => Box::new(set.iter().rev()),
        false => Box::new(set.iter()),
    };
    let walk = walk.skip(near).take(far);
    if backwards {
        let mut members: Vec<_> = walk.collect();
        members.reverse();
        return query.reply(members.into_iter());
    }
    query.reply(walk)
}

/// `5`, `(5`, `-inf`, `+inf`.
fn score_bound(text: &[u8]) -> Result<ScoreBound, Refusal> {
    let (exclusive, number) = match text.strip_prefix(b"(") {
        Some(number) => (true, number),
        None => (false, text),
    };
    let score = parse_double(number)
        .and_then(Score::new)
        .ok_or(Refusal::NotAScoreRange)?;
    Ok(ScoreBound { score, exclusive })
}

/// `-`, `+`, `[member`, `(member`.
fn lex_bound(text: &Bytes) -> Result<LexBound, Refusal> {
    match text.as_ref() {
        b"-" => Ok(LexBound::Lowest),
        b"+" => Ok(LexBound::Highest),
        [b'[', ..] => Ok(LexBound::Inclusive(text.slice(1..))),
        [b'(', ..] => Ok(LexBound::Exclusive(text.slice(1..))),
        _ => Err(Refusal::NotALexRange),
    }
}
