use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

use bytes::Bytes;

/// A score: any double but NaN. Minus zero is zero, so that equal scores sort by member.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Score(f64);

impl Score {
    pub(crate) fn new(value: f64) -> Option<Self> {
        (!value.is_nan()).then_some(Self(value + 0.0))
    }

    pub(crate) fn value(self) -> f64 {
        self.0
    }
}

impl PartialEq for Score {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// One end of a range of scores.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScoreBound {
    pub(crate) score: Score,
    pub(crate) exclusive: bool,
}

/// One end of a range of members.
#[derive(Clone, Debug)]
pub(crate) enum LexBound {
    /// `-`, before every member.
    Lowest,
    /// `+`, after every member.
    Highest,
    /// `[member`
    Inclusive(Bytes),
    /// `(member`
    Exclusive(Bytes),
}

/// Members ordered by score, then by bytes. A range costs O(log n + what it returns), whatever the
/// size; only ranks are counted from the nearer end.
#[derive(Clone, Debug, Default)]
pub(crate) struct SortedSet {
    scores: HashMap<Bytes, Score>,
    order: BTreeSet<(Score, Bytes)>,
}

impl PartialEq for SortedSet {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl SortedSet {
    pub(crate) fn len(&self) -> usize {
        self.scores.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    pub(crate) fn score(&self, member: &Bytes) -> Option<Score> {
        self.scores.get(member).copied()
    }

    /// Adds a member or moves it; returns its old score.
    pub(crate) fn insert(&mut self, member: Bytes, score: Score) -> Option<Score> {
        let old = self.scores.insert(member.clone(), score);
        if let Some(old) = old {
            self.order.remove(&(old, member.clone()));
        }
        self.order.insert((score, member));
        old
    }

    pub(crate) fn remove(&mut self, member: &Bytes) -> bool {
        let Some(score) = self.scores.remove(member) else {
            return false;
        };
        self.order.remove(&(score, member.clone()))
    }

    /// Members in order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&Bytes, Score)> {
        self.order.iter().map(|(score, member)| (member, *score))
    }

    /// Members with a score in the range, in order.
    pub(crate) fn by_score(
        &self,
        min: ScoreBound,
        max: ScoreBound,
    ) -> impl DoubleEndedIterator<Item = (&Bytes, Score)> {
        let above = move |score: Score| score > min.score || (!min.exclusive && score == min.score);
        let below = move |score: Score| score < max.score || (!max.exclusive && score == max.score);
        // The tree cannot name "after every member of this score", so the next score stands in.
        let after = |bound: ScoreBound| Score(bound.score.0.next_up());
        let start = if min.exclusive { after(min) } else { min.score };
        let end = match max {
            ScoreBound {
                exclusive: true,
                score,
            } => Bound::Excluded((score, Bytes::new())),
            _ if max.score.0 == f64::INFINITY => Bound::Unbounded,
            _ => Bound::Excluded((after(max), Bytes::new())),
        };
        self.between(Bound::Included((start, Bytes::new())), end)
            .filter(move |(_, score)| above(*score) && below(*score))
    }

    /// Members in the range of bytes, in order. The tree finds both ends when all scores are equal,
    /// the use that this range is made for; else the members between are filtered.
    pub(crate) fn by_lex(
        &self,
        min: LexBound,
        max: LexBound,
    ) -> impl DoubleEndedIterator<Item = (&Bytes, Score)> {
        let first = self.order.first().map_or(Score(0.0), |(score, _)| *score);
        let last = self.order.last().map_or(Score(0.0), |(score, _)| *score);
        let lowest = Bound::Included((first, Bytes::new()));
        let start = match &min {
            LexBound::Lowest => lowest,
            LexBound::Highest => Bound::Excluded((last, Bytes::new())),
            LexBound::Inclusive(member) => Bound::Included((first, member.clone())),
            LexBound::Exclusive(member) => Bound::Excluded((first, member.clone())),
        };
        let end = match &max {
            LexBound::Lowest => Bound::Excluded((first, Bytes::new())),
            LexBound::Highest => Bound::Unbounded,
            LexBound::Inclusive(member) => Bound::Included((last, member.clone())),
            LexBound::Exclusive(member) => Bound::Excluded((last, member.clone())),
        };
        self.between(start, end)
            .filter(move |(member, _)| min.is_below(member) && max.is_above(member))
    }

    /// A range of the tree; an upside-down one is empty, where the tree itself would panic.
    fn between(
        &self,
        start: Bound<(Score, Bytes)>,
        end: Bound<(Score, Bytes)>,
    ) -> impl DoubleEndedIterator<Item = (&Bytes, Score)> {
        let upside_down = match (&start, &end) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(start), Bound::Included(end)) => start > end,
            (
                Bound::Included(start) | Bound::Excluded(start),
                Bound::Included(end) | Bound::Excluded(end),
            ) => start >= end,
        };
        let range = (!upside_down).then(|| self.order.range((start, end)));
        range
            .into_iter()
            .flatten()
            .map(|(score, member)| (member, *score))
    }
}

impl LexBound {
    fn is_below(&self, other: &Bytes) -> bool {
        match self {
            Self::Lowest => true,
            Self::Highest => false,
            Self::Inclusive(member) => member <= other,
            Self::Exclusive(member) => member < other,
        }
    }

    fn is_above(&self, other: &Bytes) -> bool {
        match self {
            Self::Lowest => false,
            Self::Highest => true,
            Self::Inclusive(member) => member >= other,
            Self::Exclusive(member) => member > other,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn member(name: &str) -> Bytes {
        Bytes::copy_from_slice(name.as_bytes())
    }

    fn set(rows: &[(&str, f64)]) -> SortedSet {
        let mut set = SortedSet::default();
        for (name, score) in rows {
            set.insert(member(name), Score::new(*score).unwrap());
        }
        set
    }

    fn names<'a>(range: impl Iterator<Item = (&'a Bytes, Score)>) -> String {
        range
            .map(|(member, _)| String::from_utf8_lossy(member))
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn a_moved_member_has_one_place() {
        let mut set = set(&[("a", 1.0), ("b", 2.0)]);
        assert_eq!(set.insert(member("a"), Score(3.0)).unwrap().value(), 1.0);
        assert_eq!((names(set.iter()).as_str(), set.len()), ("b a", 2));
        assert!(set.remove(&member("b")) && !set.remove(&member("b")));
        assert_eq!(names(set.iter()), "a");
    }

    #[test]
    fn minus_zero_sorts_as_zero() {
        assert_eq!(names(set(&[("b", -0.0), ("a", 0.0)]).iter()), "a b");
    }

    #[test]
    fn infinite_bounds_include_infinite_scores_unless_exclusive() {
        let set = set(&[
            ("low", f64::NEG_INFINITY),
            ("mid", 0.0),
            ("top", f64::INFINITY),
        ]);
        let bound = |score, exclusive| ScoreBound {
            score: Score(score),
            exclusive,
        };
        let range = |min, max| names(set.by_score(min, max));
        let (low, top) = (f64::NEG_INFINITY, f64::INFINITY);
        assert_eq!(range(bound(low, false), bound(top, false)), "low mid top");
        assert_eq!(range(bound(low, true), bound(top, true)), "mid");
        assert_eq!(range(bound(top, false), bound(top, false)), "top");
        assert_eq!(range(bound(top, true), bound(top, false)), "");
        assert_eq!(range(bound(1.0, false), bound(-1.0, false)), "");
    }

    fn lex_bound() -> impl Strategy<Value = LexBound> {
        let name = "[a-d]{0,2}".prop_map(|name| member(&name));
        prop_oneof![
            Just(LexBound::Lowest),
            Just(LexBound::Highest),
            name.clone().prop_map(LexBound::Inclusive),
            name.prop_map(LexBound::Exclusive),
        ]
    }

    proptest! {
        #[test]
        fn ranges_are_what_a_filter_of_all_members_would_give(
            rows in prop::collection::vec(("[a-d]{0,2}", -2..2_i8), 0..20),
            same_score in any::<bool>(),
            (min, max) in (-3..3_i8, -3..3_i8),
            (open_min, open_max) in any::<(bool, bool)>(),
            (low, high) in (lex_bound(), lex_bound()),
        ) {
            let mut set = SortedSet::default();
            for (name, score) in &rows {
                let score = if same_score { 0.0 } else { f64::from(*score) };
                set.insert(member(name), Score(score));
            }
            let bound = |score: i8, exclusive| ScoreBound { score: Score(score.into()), exclusive };
            let in_scores = |score: f64| {
                let (min, max) = (f64::from(min), f64::from(max));
                (score > min || score == min && !open_min) && (score < max || score == max && !open_max)
            };
            let expected = names(set.iter().filter(|(_, score)| in_scores(score.value())));
            prop_assert_eq!(names(set.by_score(bound(min, open_min), bound(max, open_max))), expected);
            let in_bytes = |member: &Bytes| low.is_below(member) && high.is_above(member);
            let expected = names(set.iter().filter(|(member, _)| in_bytes(member)));
            prop_assert_eq!(names(set.by_lex(low.clone(), high.clone())), expected);
        }
    }
}
