//! The week by hour: which hours of which weekday are the busy ones.

use super::gaps::hatch;
use super::key::{self, Sample};
use super::sheet::{Area, Sheet};
use super::{LETTERS, WIDE};
use crate::components::charts::scale::drawn;
use crate::components::charts::unit::Unit;
use crate::components::drawing::{Anchor, Drawing, Ink};
use crate::components::heatmap::scale::{Classes, Scale};
use crate::model::quantity;
use crate::model::report::{Report, WeekHours};

/// The days, as ISO 8601 counts them.
pub const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/// Room for the weekdays.
const LEFT: f64 = 34.0;
/// Room for the hours.
const TOP: f64 = 18.0;

/// The grid on a line of its own; `None` when the report has none.
pub fn week_hours(report: &Report) -> Option<Drawing> {
    week_hours_in(report, WIDE)
}

/// The grid in a width.
pub fn week_hours_in(report: &Report, width: f64) -> Option<Drawing> {
    report.week.as_ref().map(|week| drawing(week, width))
}

fn drawing(week: &WeekHours, width: f64) -> Drawing {
    let rates = week.bytes_per_second.iter().flatten().flatten();
    let classes = Classes::of(Scale::Linear, rates.map(|rate| bits(*rate)));
    let mut sheet = Sheet::new(width);
    let is_narrow = width < WIDE;
    let cell = ((width - LEFT) / 24.0, if is_narrow { 20.0 } else { 24.0 });
    for hour in (0..24_u32).step_by(if is_narrow { 6 } else { 3 }) {
        let x = LEFT + f64::from(hour) * cell.0;
        sheet.text((x, LETTERS), Anchor::Start, Ink::Muted, format!("{hour:02}:00"));
    }
    let (mut has_none, mut has_gap) = (false, false);
    let mut most: Option<(u64, String)> = None;
    for (row, name) in (0_u32..).zip(WEEKDAYS) {
        let y = TOP + f64::from(row) * cell.1;
        let short_name = name.get(..3).unwrap_or(name);
        sheet.text((0.0, y + cell.1 / 2.0 + LETTERS / 3.0), Anchor::Start, Ink::Text, short_name);
        let hours = usize::try_from(row).ok().and_then(|row| week.bytes_per_second.get(row));
        for hour in 0..24_u32 {
            let rate =
                usize::try_from(hour).ok().and_then(|hour| hours?.get(hour)).copied().flatten().map(bits);
            let area = Area {
                x: LEFT + f64::from(hour) * cell.0 + 0.5,
                y: y + 0.5,
                width: cell.0 - 1.0,
                height: cell.1 - 1.0,
            };
            let when = format!("{name} {hour:02}:00");
            let Some(rate) = rate else {
                has_gap = true;
                hatch(&mut sheet, area);
                continue;
            };
            let shade = classes.shade(rate);
            has_none |= shade.is_none();
            let fill = shade.map_or(Ink::Land, |shade| Ink::Heat(shade + 1));
            sheet.fill(area, fill, &format!("{when}: {}", quantity::bits(rate)));
            if rate > most.as_ref().map_or(0, |(most, _)| *most) {
                most = Some((rate, when));
            }
        }
    }
    let top = TOP + 7.0 * cell.1 + 10.0;
    let foot = key::classes(&mut sheet, LEFT, top, &classes, |rate| match rate {
        // The least of the lowest class is the least there is.
        1 => "0".to_owned(),
        rate => Unit::BitsPerSecond.tick(drawn(rate)),
    });
    let mut others = Vec::new();
    if has_none {
        others.push((Sample::Fill(Ink::Land), "No traffic".to_owned()));
    }
    if has_gap {
        others.push((Sample::Hatching, "Not collected".to_owned()));
    }
    let foot = key::entries(&mut sheet, LEFT, foot, &others);
    let busiest = most.map_or_else(
        || "no traffic".to_owned(),
        |(rate, when)| format!("busiest {when} with {}", quantity::bits(rate)),
    );
    sheet.finish(foot, format!("Mean rate by weekday and hour, {busiest}"))
}

const fn bits(bytes: u64) -> u64 {
    bytes.saturating_mul(8)
}

#[cfg(test)]
mod tests {
    use super::super::NARROW;
    use super::*;
    use crate::components::drawing::Shape;
    use crate::components::report::sample;

    fn cells(drawing: &Drawing) -> usize {
        let is_cell = |shape: &&Shape| match shape {
            Shape::Box { height, .. } => *height > 15.0,
            _ => false,
        };
        drawing.shapes.iter().filter(is_cell).count()
    }

    #[test]
    fn a_week_has_168_hours_and_the_busiest_is_told() {
        for width in [WIDE, NARROW] {
            let drawing = week_hours_in(&sample::report(), width).unwrap();
            assert_eq!(cells(&drawing), 168);
            assert!(drawing.label.contains("busiest Wednesday 14:00"), "{}", drawing.label);
        }
    }

    #[test]
    fn a_week_of_which_little_is_known_is_hatched_and_not_empty() {
        let mut report = sample::report();
        report.week = Some(WeekHours { bytes_per_second: vec![vec![Some(0), Some(7)]] });
        let drawing = week_hours(&report).unwrap();
        assert_eq!(cells(&drawing), 168);
        let gaps = drawing.shapes.iter().filter(|shape| matches!(shape, Shape::Box { fill: Ink::Gap, .. }));
        assert_eq!(gaps.count(), 167, "and one in the key");
        report.week = None;
        assert_eq!(week_hours(&report), None);
    }
}
