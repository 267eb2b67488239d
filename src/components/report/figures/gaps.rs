//! Time in which nothing was collected: hatched, so that nobody takes it for time without traffic.

use super::sheet::{Area, Sheet};
use crate::components::drawing::Ink;

/// What a gap is called.
pub const GAP: &str = "Not collected for a part or all of it";
/// Between two lines of the hatching.
const PITCH: f64 = 6.0;

/// Hatches a box.
pub fn hatch(sheet: &mut Sheet, area: Area) {
    sheet.fill(area, Ink::Gap, GAP);
    // Lines at 45 degrees, each by how far right of the left edge it leaves the foot.
    let starts = (1..5_000_u32).map(|number| f64::from(number) * PITCH - area.height);
    for start in starts.take_while(|start| *start < area.width) {
        let (from, to) = (start.max(0.0), (start + area.height).min(area.width));
        if from < to {
            let point = |along: f64| (area.x + along, area.foot() - (along - start));
            sheet.line(vec![point(from), point(to)], Ink::Muted, 0.5, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::drawing::Shape;

    #[test]
    fn no_line_of_the_hatching_leaves_its_box() {
        for (width, height) in [(9.0, 200.0), (700.0, 200.0), (30.0, 4.0)] {
            let area = Area { x: 50.0, y: 20.0, width, height };
            let mut sheet = Sheet::new(800.0);
            hatch(&mut sheet, area);
            let drawing = sheet.finish(300.0, String::new());
            let points = drawing.shapes.iter().filter_map(|shape| match shape {
                Shape::Line { points, .. } => Some(points.clone()),
                _ => None,
            });
            let points: Vec<(f64, f64)> = points.flatten().collect();
            assert!(!points.is_empty(), "{width} × {height}");
            for (x, y) in points {
                assert!(x >= area.x - 1e-9 && x <= area.right() + 1e-9, "{x}");
                assert!(y >= area.y - 1e-9 && y <= area.foot() + 1e-9, "{y}");
            }
        }
    }
}
