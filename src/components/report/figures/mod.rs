//! The figures of a report as [`Drawing`](crate::components::drawing::Drawing)s, for the page and the PDF.
//!
//! Each one comes in two widths: [`WIDE`] for a desk and for paper, [`NARROW`] for a telephone and for two beside each
//! other. Letters are the same size in both, so that a narrow one is no shrunken wide one.

mod days;
mod gaps;
mod hours;
mod key;
mod sheet;
mod world;

pub use days::{days, days_of};
pub use hours::{week_hours, week_hours_in};
pub use world::{world, world_in};

/// Width of a figure that has a line for itself.
pub const WIDE: f64 = 800.0;
/// Width of one that shares it, or is on a telephone.
pub const NARROW: f64 = 360.0;
/// Height of letters.
const LETTERS: f64 = 11.0;
