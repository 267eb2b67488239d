//! Charts as SVG in plain views: over time (stacked, lines, shares, small multiples) and as flows between groups.
//!
//! The server draws them like the browser, without scripts: whatever has a place on an axis is placed in percent or
//! in a drawing that is stretched to its box, texts are not stretched. Colours come from the tokens `--series-1` to
//! `--series-12` and `--series-other`. A chart is one picture of one answer; its figures stand in a table beside it.

pub mod crosshair;
pub mod sankey;
pub mod sankey_chart;
pub mod scale;
pub mod stacking;
pub mod statistics;
pub mod time_axis;
pub mod time_chart;
pub mod unit;

/// How many colours there are before they begin anew.
pub const COLOURS: usize = 12;

/// The class that gives a thing the colour of the line at this position; `None` is the rest.
pub fn colour_class(position: Option<usize>) -> String {
    position
        .map_or_else(|| "series--other".to_owned(), |position| format!("series--{}", position % COLOURS + 1))
}
