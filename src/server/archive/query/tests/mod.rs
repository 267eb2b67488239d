//! Answers beside those of plain loops over the same flows.

mod archive;
mod filters;
mod groups;
mod sample;
