//! Tables: a head that is repeated on each page, figures at the right edge of their columns, bars of shares, rows that
//! are never parted.

use krilla::tagging::{TableHeaderScope, Tag};

use super::colours;
use super::composer::{Composer, Style, count, filled_box};
use super::typeface::Weight;

/// Letters of a row.
const ROW: Style = Style { size: 8.5, leading: 11.5, weight: Weight::Regular, colour: colours::TEXT };
/// Letters of the head.
const HEAD: Style = Style { size: 7.5, leading: 9.5, weight: Weight::SemiBold, colour: colours::FAINT };
/// Words beside a name that step back.
const ASIDE: Style = Style { size: 7.5, leading: 11.5, weight: Weight::Regular, colour: colours::FAINT };
/// Above and below the lines of a row.
const PADDING: f32 = 2.6;
/// Between a name and what stands after it.
const ASIDE_GAP: f32 = 5.0;
/// Space between two columns, and the length of the bar of everything: the first that leaves room for names.
const SPACINGS: [(f32, f32); 3] = [(12.0, 46.0), (10.0, 34.0), (7.0, 24.0)];
/// Room that names want.
const WANTED_NAME: f32 = 130.0;
/// Least width of a column of names.
const LEAST_NAME: f32 = 56.0;
/// The most that letters get smaller where figures are wide, a part of their size.
const SMALLEST: f32 = 0.1;

/// What a column has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Names: at the left edge, over several lines where they are long. They take what room there is.
    Name,
    /// Words at the left edge, as wide as they are.
    Words,
    /// Figures, at the right edge.
    Figure,
    /// Figures with a bar before them.
    Share,
}

/// A cell.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// What it says; clean.
    pub text: String,
    /// What stands after it and steps back; clean.
    pub aside: String,
    /// The bar before it, parts per thousand.
    pub per_mille: u16,
}

impl Cell {
    /// With a text only.
    pub fn of(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// A table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// What it shows, for those who have it read to them.
    pub summary: String,
    /// Heads of the columns, and what they have.
    pub columns: Vec<(String, Kind)>,
    /// The rows, each with a cell for every column.
    pub rows: Vec<Vec<Cell>>,
    /// A last row that sums up; empty for none.
    pub total: Vec<Cell>,
}

/// Columns with fixed heads.
pub fn columns<const N: usize>(columns: [(&str, Kind); N]) -> Vec<(String, Kind)> {
    columns.into_iter().map(|(head, kind)| (head.to_owned(), kind)).collect()
}

/// A column on the page.
#[derive(Clone, Copy)]
struct Place {
    kind: Kind,
    left: f32,
    width: f32,
    /// Length of the bar of everything; 0 in a column without bars.
    bar: f32,
}

impl Place {
    /// Where text of a width begins.
    fn start(self, wide: f32) -> f32 {
        match self.kind {
            Kind::Name | Kind::Words => self.left,
            Kind::Figure | Kind::Share => self.left + self.width - wide,
        }
    }

    /// Room for its text.
    fn room(self) -> f32 {
        self.width - self.bar
    }
}

/// The columns of a table, and how large its letters are.
struct Layout {
    places: Vec<Place>,
    row: Style,
    head: Style,
    aside: Style,
}

/// A cell in lines.
struct CellLines {
    lines: Vec<String>,
    asides: Vec<String>,
    /// Whether what steps back has room after the last line of the name.
    is_beside: bool,
}

impl CellLines {
    fn count(&self) -> usize {
        self.lines.len() + self.asides.len() - usize::from(self.is_beside)
    }
}

/// Height of the head and the first rows, which a heading stays with.
pub fn least_height(composer: &Composer, table: &Table) -> f32 {
    let layout = Layout::of(composer, table);
    let rows = table.rows.iter().take(2).map(|row| layout.height(&layout.lines_of(composer, row)));
    layout.head_height(composer, table) + rows.sum::<f32>()
}

/// Draws a table at the cursor.
pub fn draw(composer: &mut Composer, table: &Table) {
    let layout = Layout::of(composer, table);
    let room = least_height(composer, table);
    composer.make_room(room);
    let tag = Tag::Table.with_summary(Some(table.summary.clone()));
    composer.within(tag, |composer| {
        composer.within(Tag::THead, |composer| {
            composer.within(Tag::TR, |composer| layout.draw_head(composer, table, true));
        });
        composer.within(Tag::TBody, |composer| {
            for (at, row) in table.rows.iter().enumerate() {
                let is_last = at + 1 == table.rows.len() && table.total.is_empty();
                layout.draw_row(composer, table, row, is_last, Weight::Regular);
            }
        });
        if !table.total.is_empty() {
            composer.within(Tag::TFoot, |composer| {
                layout.draw_row(composer, table, &table.total, true, Weight::SemiBold);
            });
        }
    });
}

impl Layout {
    /// Columns of figures as wide as they need, names take the rest. Where the figures leave too little for names, all
    /// letters get smaller, so that nothing stands beyond the right edge.
    fn of(composer: &Composer, table: &Table) -> Self {
        let widest = |at: usize| {
            let head = table.columns.get(at).map_or("", |(head, _)| head.as_str());
            let head = head.split(' ').map(|word| composer.measure(HEAD, word)).fold(0.0, f32::max);
            let rows = table.rows.iter().filter_map(|row| row.get(at));
            let figures = rows.map(|cell| composer.measure(ROW, &cell.text)).fold(head, f32::max);
            let bold = Style { weight: Weight::SemiBold, ..ROW };
            let total = table.total.get(at).map_or(0.0, |cell| composer.measure(bold, &cell.text));
            (figures.max(total) + 0.5).min(composer.width() / 3.0)
        };
        let kinds = || table.columns.iter().map(|(_, kind)| *kind);
        let widths: Vec<f32> =
            kinds().enumerate().map(|(at, kind)| if kind == Kind::Name { 0.0 } else { widest(at) }).collect();
        let of_kind = |wanted: Kind| count(kinds().filter(|kind| *kind == wanted).count());
        let figures = widths.iter().sum::<f32>();
        let names = of_kind(Kind::Name).max(1.0);
        let beside = |(between, bar): (f32, f32)| {
            composer.width() - count(widths.len().saturating_sub(1)) * between - of_kind(Kind::Share) * bar
        };
        let has_room = |spacing: &(f32, f32)| (beside(*spacing) - figures) / names >= WANTED_NAME;
        let [.., tightest] = SPACINGS;
        let spacing = SPACINGS.into_iter().find(has_room).unwrap_or(tightest);
        let room = beside(spacing);
        let scale = ((room - names * LEAST_NAME) / figures.max(1.0)).clamp(SMALLEST, 1.0);
        let name = ((room - figures * scale) / names).max(0.0);
        let mut left = Composer::LEFT;
        let place = |(kind, width): (Kind, f32)| {
            let bar = if kind == Kind::Share { spacing.1 } else { 0.0 };
            let width = if kind == Kind::Name { name } else { width * scale + bar };
            let place = Place { kind, left, width, bar };
            left += width + spacing.0;
            place
        };
        let places = kinds().zip(widths.iter().copied()).map(place).collect();
        let [row, head, aside] = [ROW, HEAD, ASIDE].map(|style| scaled(style, scale));
        Self { places, row, head, aside }
    }

    fn head_lines(&self, composer: &Composer, table: &Table) -> Vec<Vec<String>> {
        let Style { weight, size, .. } = self.head;
        let wrap = |(place, (head, _)): (&Place, &(String, Kind))| {
            composer.faces.wrap(weight, size, head, place.width)
        };
        self.places.iter().zip(&table.columns).map(wrap).collect()
    }

    fn head_height(&self, composer: &Composer, table: &Table) -> f32 {
        let lines = self.head_lines(composer, table).iter().map(Vec::len).max().unwrap_or(1);
        count(lines) * self.head.leading + 2.0 * PADDING
    }

    /// The head; one that is repeated is no content.
    fn draw_head(&self, composer: &mut Composer, table: &Table, is_first: bool) {
        let heads = self.head_lines(composer, table);
        let high = self.head_height(composer, table);
        let style = self.head;
        let foot = composer.y + high;
        for (place, lines) in self.places.iter().zip(&heads) {
            let draw = |composer: &mut Composer| {
                for (at, line) in lines.iter().enumerate() {
                    let above = count(lines.len() - at - 1) * style.leading;
                    let baseline = foot - PADDING - above - style.leading * 0.25;
                    let x = place.start(composer.measure(style, line));
                    if is_first {
                        composer.line(x, baseline, style, line);
                    } else {
                        composer.decorating_line(x, baseline, style, line);
                    }
                }
            };
            if is_first {
                composer.within(Tag::TH(TableHeaderScope::Column), draw);
            } else {
                draw(composer);
            }
        }
        composer.y = foot;
        composer.rule(colours::STRONG_LINE);
    }

    fn lines_of(&self, composer: &Composer, row: &[Cell]) -> Vec<CellLines> {
        let lines = |(place, cell): (&Place, &Cell)| {
            let room = place.room();
            let wrap = |style: Style, text: &str| composer.faces.wrap(style.weight, style.size, text, room);
            let lines = wrap(self.row, &cell.text);
            let asides = if cell.aside.is_empty() { Vec::new() } else { wrap(self.aside, &cell.aside) };
            let is_beside = match (lines.last(), asides.as_slice()) {
                (Some(name), [aside]) => {
                    let wide = composer.measure(self.row, name) + composer.measure(self.aside, aside);
                    wide + ASIDE_GAP <= room
                }
                _ => false,
            };
            CellLines { lines, asides, is_beside }
        };
        self.places.iter().zip(row).map(lines).collect()
    }

    fn height(&self, cells: &[CellLines]) -> f32 {
        let lines = cells.iter().map(CellLines::count).max().unwrap_or(1);
        count(lines) * self.row.leading + 2.0 * PADDING
    }

    fn draw_row(&self, composer: &mut Composer, table: &Table, row: &[Cell], is_last: bool, weight: Weight) {
        let cells = self.lines_of(composer, row);
        let high = self.height(&cells);
        if composer.make_room(high) {
            self.draw_head(composer, table, false);
        }
        let top = composer.y;
        let style = Style { weight, ..self.row };
        composer.within(Tag::TR, |composer| {
            for (at, ((place, cell), lines)) in self.places.iter().zip(row).zip(&cells).enumerate() {
                if place.kind == Kind::Share {
                    bar(composer, *place, top, cell.per_mille);
                }
                let draw = |composer: &mut Composer| self.draw_cell(composer, *place, top, style, lines);
                if at == 0 {
                    composer.within(Tag::TH(TableHeaderScope::Row), draw);
                } else {
                    composer.within(Tag::TD, draw);
                }
            }
        });
        composer.y = top + high;
        composer.rule(if is_last { colours::STRONG_LINE } else { colours::LINE });
    }

    fn draw_cell(&self, composer: &mut Composer, place: Place, top: f32, style: Style, cell: &CellLines) {
        let mut baseline = top + PADDING - style.leading * 0.27;
        let mut end = place.left;
        let lines = cell.lines.iter().map(|line| (line, style));
        let marked = lines.chain(cell.asides.iter().map(|line| (line, self.aside)));
        // A space, so that two lines are not one word to those who read on.
        let space = if cell.lines.len() + cell.asides.len() > 1 { " " } else { "" };
        for (at, (line, style)) in marked.enumerate() {
            let wide = composer.measure(style, line);
            let mut x = place.start(wide);
            if at == cell.lines.len() && cell.is_beside {
                x = end + ASIDE_GAP;
            } else {
                baseline += style.leading;
            }
            composer.line(x, baseline, style, &format!("{line}{space}"));
            end = x + wide;
        }
    }
}

fn scaled(style: Style, scale: f32) -> Style {
    Style { size: style.size * scale, leading: style.leading * scale, ..style }
}

fn bar(composer: &mut Composer, place: Place, top: f32, per_mille: u16) {
    let y = top + PADDING + 3.2;
    let length = place.bar - 4.0;
    let track = filled_box(place.left, y, length, 5.0, colours::HOVER);
    let filled = f32::from(per_mille.min(1000)) / 1000.0 * length;
    let full = filled_box(place.left, y, filled, 5.0, colours::ACCENT);
    composer.decoration(track.into_iter().chain(full).collect());
}
