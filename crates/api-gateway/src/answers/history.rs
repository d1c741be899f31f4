//! The last answers of one service, and what share each cluster has in them.

use std::collections::VecDeque;

use serde::Serialize;
use utoipa::ToSchema;

use super::Answer;
use crate::theater::Cluster;

/// Answers kept, and looked back on by the share.
pub const KEPT: usize = 100;

/// The last answers of one service, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct History {
    #[serde(rename = "history")]
    answers: VecDeque<Answer>,
    total: u64,
}

/// How many of the kept answers each cluster gave; those without a cluster take no part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Share {
    /// Answers of ctx1.
    pub ctx1: usize,
    /// Answers of ctx2.
    pub ctx2: usize,
    /// Both together: the N of the share.
    pub n: usize,
}

impl History {
    /// Adds the newest answer.
    pub fn push(&mut self, answer: Answer) {
        self.total += 1;
        self.answers.push_back(answer);
        if self.answers.len() > KEPT {
            self.answers.pop_front();
        }
    }

    /// Puts answers of an earlier life, oldest first, before those of this one.
    pub fn restore(&mut self, earlier: Vec<Answer>) {
        self.total += earlier.len() as u64;
        let mut answers: VecDeque<_> = earlier.into();
        answers.append(&mut self.answers);
        answers.drain(..answers.len().saturating_sub(KEPT));
        self.answers = answers;
    }

    /// Answers seen, the restored ones included.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The cluster of each kept answer, oldest first.
    pub fn clusters(&self) -> Vec<Option<Cluster>> {
        self.answers.iter().map(|answer| answer.cluster).collect()
    }

    /// How the kept answers were spread.
    pub fn share(&self) -> Share {
        let of = |cluster| {
            let own = |answer: &&Answer| answer.cluster == Some(cluster);
            self.answers.iter().filter(own).count()
        };
        let (ctx1, ctx2) = (of(Cluster::Ctx1), of(Cluster::Ctx2));
        Share {
            ctx1,
            ctx2,
            n: ctx1 + ctx2,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;

    use super::*;
    use crate::theater::Service;

    fn answer(t: i64, cluster: Option<Cluster>) -> Answer {
        let nowhere = Answer::from_nowhere(Service::User, t, Duration::ZERO, StatusCode::OK);
        Answer { cluster, ..nowhere }
    }

    fn times(history: &History) -> Vec<i64> {
        history.answers.iter().map(|answer| answer.t).collect()
    }

    #[test]
    fn the_oldest_answer_goes_when_there_are_more_than_a_hundred() {
        let mut history = History::default();
        (0..130).for_each(|t| history.push(answer(t, None)));
        assert_eq!(times(&history), (30..130).collect::<Vec<_>>());
        assert_eq!(history.total(), 130);
    }

    #[test]
    fn only_answers_with_a_known_cluster_count_for_the_share() {
        let mut history = History::default();
        (0..60).for_each(|t| history.push(answer(t, Some(Cluster::Ctx1))));
        (0..30).for_each(|t| history.push(answer(t, Some(Cluster::Ctx2))));
        (0..20).for_each(|t| history.push(answer(t, None)));
        assert_eq!(
            history.share(),
            Share {
                ctx1: 50,
                ctx2: 30,
                n: 80
            }
        );
    }

    #[test]
    fn what_was_before_comes_before() {
        let mut history = History::default();
        history.push(answer(9, None));
        history.restore((0..3).map(|t| answer(t, None)).collect());
        assert_eq!(times(&history), [0, 1, 2, 9]);
        assert_eq!(history.total(), 4);
    }
}
