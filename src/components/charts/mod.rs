//! Charts as SVG in plain views: over time (stacked, lines, shares, small multiples) and as flows between groups.
//!
//! The server draws them like the browser, without scripts: whatever has a place on an axis is placed in percent or
//! in a drawing that is stretched to its box, texts are not stretched. Colours come from the tokens `--series-1` to
//! `--series-12` in five shades, and `--series-other`. A chart is one picture of one answer; its figures stand in a table beside it.

pub mod collected;
pub mod crosshair;
pub mod key;
pub mod outline;
pub mod sankey;
pub mod sankey_chart;
pub mod scale;
pub mod stacking;
pub mod statistics;
pub mod time_axis;
pub mod time_chart;
pub mod unit;

/// How many colours there are before they begin anew, in another shade.
pub const COLOURS: usize = 12;
/// How many shades they have.
const SHADES: usize = 5;

/// The class that gives a thing the colour of the line at this position; `None` is the rest.
pub fn colour_class(position: Option<usize>) -> String {
    let Some(position) = position else { return "series--other".to_owned() };
    let colour = format!("series--{}", position % COLOURS + 1);
    match position / COLOURS % SHADES {
        0 => colour,
        shade => format!("{colour} series--shade-{shade}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::model::history::SeriesQuestion;

    #[test]
    fn every_line_of_a_chart_has_a_colour_of_its_own() {
        let most = usize::try_from(SeriesQuestion::MOST_LINES).unwrap();
        let colours: HashSet<String> = (0..most).map(|position| colour_class(Some(position))).collect();
        assert_eq!(colours.len(), most);
    }
}
