//! Whether a Kubernetes API tells us something, and since when not.

use serde::Serialize;
use utoipa::ToSchema;

use super::Reason;
use crate::clock::UnixMs;

/// How far what is shown can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Read, and kept up to date by a watch.
    Live,
    /// Read once, but the watch is lost.
    Stale,
    /// Never read.
    #[default]
    Unknown,
}

/// The contact to one kind of object in one cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// How far it can be trusted.
    pub state: State,
    /// Why it is not live; null while it is.
    #[schema(value_type = Option<String>)]
    pub reason: Option<Reason>,
    /// When the watch was lost, Unix milliseconds; null while it is live or was never there.
    pub last_seen: Option<UnixMs>,
}

impl Contact {
    /// A contact that never was.
    pub fn never(reason: Reason) -> Self {
        Self {
            reason: Some(reason),
            ..Self::default()
        }
    }

    /// Everything was listed, and is being watched.
    pub fn reached(&mut self) {
        *self = Self {
            state: State::Live,
            ..Self::default()
        };
    }

    /// The list or the watch failed.
    pub fn lost(&mut self, reason: Reason, now: UnixMs) {
        if self.state == State::Live {
            self.state = State::Stale;
            self.last_seen = Some(now);
        }
        self.reason = Some(reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_read_stays_unknown_whatever_fails() {
        let mut contact = Contact::never(Reason::NotYet);
        contact.lost(Reason::Forbidden, 5);
        assert_eq!(contact, Contact::never(Reason::Forbidden));
    }

    #[test]
    fn a_lost_watch_is_stale_since_its_loss_and_live_again_after() {
        let mut contact = Contact::default();
        contact.reached();
        contact.lost(Reason::Unreachable, 5);
        contact.lost(Reason::Timeout, 9);
        assert_eq!(contact.state, State::Stale);
        assert_eq!(
            (contact.reason.clone(), contact.last_seen),
            (Some(Reason::Timeout), Some(5))
        );
        contact.reached();
        assert_eq!(
            (contact.state, contact.reason, contact.last_seen),
            (State::Live, None, None)
        );
    }
}
