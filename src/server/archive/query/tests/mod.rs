//! Answers beside those of plain loops over the same flows.

mod filters;
mod groups;

mod sample;
