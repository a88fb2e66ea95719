//! Tests of timers and of the virtual clock, by area.

#[path = "timers/support.rs"]
mod support;

#[path = "timers/attribute.rs"]
mod attribute;
/// Where a timer belongs, and how it ends.
#[path = "timers/lifetime.rs"]
mod lifetime;
#[path = "timers/policies.rs"]
mod policies;
/// What the handle says and does.
#[path = "timers/schedule.rs"]
mod schedule;
/// TMR-*: what upstream tests.
#[path = "timers/upstream.rs"]
mod upstream;
#[path = "timers/virtual_clock.rs"]
mod virtual_clock;
/// Ticks by the wall clock.
#[path = "timers/wall_clock.rs"]
mod wall_clock;
