//! What the last answers were: measured once, here, for every viewer.

mod answer;
mod history;
mod sightings;

pub use answer::Answer;
pub use history::{History, KEPT, Share};
pub use sightings::{Sighting, Sightings};
