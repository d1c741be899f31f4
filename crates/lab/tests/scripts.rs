//! The scripts, run by bash and real kubectl against the lab: every verb, happy and unhappy.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "scripts/changes.rs"]
mod changes;
#[path = "scripts/deployment.rs"]
mod deployment;
#[path = "scripts/figures.rs"]
mod figures;
#[path = "scripts/functions.rs"]
mod functions;
#[path = "scripts/images.rs"]
mod images;
#[path = "scripts/interruption.rs"]
mod interruption;
#[path = "scripts/orders.rs"]
mod orders;
#[path = "scripts/stage.rs"]
mod stage;
mod support;
#[path = "scripts/unhappy.rs"]
mod unhappy;
#[path = "scripts/verbs.rs"]
mod verbs;
