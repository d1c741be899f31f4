//! Names and shapes of the commands that steer a session; [`crate::execute`] carries them out.

use super::{Command, Control};

pub(super) const COMMANDS: &[Command] = &[
    Command::control("multi", 1, Control::Multi),
    Command::control("exec", 1, Control::Exec),
    Command::control("discard", 1, Control::Discard),
    Command::control("watch", -2, Control::Watch),
    Command::control("reset", 1, Control::Reset),
    Command::control("quit", -1, Control::Quit),
];
