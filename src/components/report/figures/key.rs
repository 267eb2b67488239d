//! What the colours of a figure mean.

use super::LETTERS;
use super::sheet::{Area, Sheet, text_width};
use crate::components::drawing::{Anchor, Ink};
use crate::components::heatmap::scale::Classes;

/// Height of a line of the key.
pub const ROW: f64 = 17.0;
const SWATCH: f64 = 11.0;
const BETWEEN: f64 = 16.0;

/// How an entry is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sample {
    /// A filled box.
    Fill(Ink),
    /// A dashed line.
    Dashes(Ink),
    /// A box with the hatching of gaps.
    Hatching,
}

/// Draws entries from left to right, in as many lines as they need; answers where the key ends.
pub fn entries(sheet: &mut Sheet, left: f64, top: f64, entries: &[(Sample, String)]) -> f64 {
    let (mut x, mut y) = (left, top);
    for (sample, text) in entries {
        let width = SWATCH + 6.0 + text_width(text);
        if x > left && x + width > sheet.width {
            (x, y) = (left, y + ROW);
        }
        let area = Area { x, y: y + 1.0, width: SWATCH, height: SWATCH };
        match sample {
            Sample::Fill(ink) => sheet.fill(area, *ink, ""),
            Sample::Dashes(ink) => {
                let middle = area.y + SWATCH / 2.0;
                sheet.line(vec![(x, middle), (x + SWATCH, middle)], *ink, 2.0, true);
            }
            Sample::Hatching => super::gaps::hatch(sheet, area),
        }
        sheet.text((x + SWATCH + 6.0, y + LETTERS - 1.0), Anchor::Start, Ink::Text, text);
        x += width + BETWEEN;
    }
    if entries.is_empty() { top } else { y + ROW }
}

/// Draws classes of figures with their bounds below them; answers where the key ends.
pub fn classes(
    sheet: &mut Sheet,
    left: f64,
    top: f64,
    classes: &Classes,
    text: impl Fn(u64) -> String,
) -> f64 {
    let classes = classes.classes();
    let Some(last) = classes.last() else { return top };
    let number = u32::try_from(classes.len()).unwrap_or(1).max(1);
    // The largest figure stands right of the last class.
    let room = sheet.width - left - 56.0;
    let step = (room / f64::from(number)).min(72.0);
    let mut x = left;
    for class in classes {
        let (from, to) = (text(class.from), text(class.to));
        let title = if from == to { from.clone() } else { format!("{from} to {to}") };
        sheet.fill(Area { x, y: top, width: step, height: SWATCH }, Ink::Heat(class.shade + 1), &title);
        sheet.text((x, top + SWATCH + LETTERS + 2.0), Anchor::Start, Ink::Muted, from);
        x += step;
    }
    if last.to > last.from {
        sheet.text((x, top + SWATCH + LETTERS + 2.0), Anchor::Start, Ink::Muted, text(last.to));
    }
    top + SWATCH + LETTERS + 8.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::drawing::Shape;

    #[test]
    fn entries_that_have_no_room_beside_each_other_stand_below() {
        let mut sheet = Sheet::new(200.0);
        let long = (Sample::Fill(Ink::Series(1)), "All of it in September 2026".to_owned());
        let end = entries(&mut sheet, 10.0, 0.0, &[long.clone(), long.clone(), long]);
        assert!((end - 3.0 * ROW).abs() < 1e-9);
        let texts = sheet.finish(end, String::new()).shapes.into_iter();
        let lefts: Vec<f64> = texts
            .filter_map(|shape| match shape {
                Shape::Text { x, .. } => Some(x),
                _ => None,
            })
            .collect();
        assert_eq!(lefts, [27.0; 3]);
        assert!(entries(&mut Sheet::new(200.0), 0.0, 5.0, &[]) <= 5.0);
    }
}
