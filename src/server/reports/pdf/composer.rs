//! A cursor that fills sheets from top to bottom and keeps the tree of tags in step.

use std::num::NonZeroU16;

use krilla::geom::{Path, PathBuilder, Rect};
use krilla::tagging::{ArtifactType, Tag, TagKind};

use super::colours::{self, Colour};
use super::sheet::{Bookmark, Branch, Laid, Leaf, Mark, Piece, Sheet, Stroke, Twig};
use super::typeface::{Typefaces, Weight};
use crate::server::config::reports::Paper;

/// Space between the edge of a page and its text, left and right.
const SIDE: f32 = 48.0;
/// The same above, under the header.
const TOP: f32 = 66.0;
/// The same below, above the footer.
const BOTTOM: f32 = 58.0;

/// How text looks.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Height of its letters (font size).
    pub size: f32,
    /// From one baseline to the next.
    pub leading: f32,
    /// How bold.
    pub weight: Weight,
    /// Its colour.
    pub colour: Colour,
}

/// Running text.
pub const BODY: Style = Style { size: 9.5, leading: 14.0, weight: Weight::Regular, colour: colours::TEXT };
/// Words that step back.
pub const SMALL: Style = Style { size: 8.0, leading: 11.5, weight: Weight::Regular, colour: colours::FAINT };
/// The title of the report.
const TITLE: Style = Style { size: 22.0, leading: 28.0, weight: Weight::SemiBold, colour: colours::TEXT };
/// Headings of sections.
const HEADING: Style = Style { size: 13.5, leading: 18.0, weight: Weight::SemiBold, colour: colours::TEXT };

/// Fills sheets.
pub struct Composer {
    /// What shapes text.
    pub faces: &'static Typefaces,
    /// Distance of the next thing from the upper edge.
    pub y: f32,
    size: (f32, f32),
    sheets: Vec<Sheet>,
    branches: Vec<Branch>,
    tree: Vec<Branch>,
    leaves: usize,
    bookmarks: Vec<Bookmark>,
}

impl Composer {
    /// With an empty first sheet.
    pub fn new(faces: &'static Typefaces, page: Paper) -> Self {
        Self {
            faces,
            y: TOP,
            size: page.points(),
            sheets: vec![Sheet::default()],
            branches: Vec::new(),
            tree: Vec::new(),
            leaves: 0,
            bookmarks: Vec::new(),
        }
    }

    /// Where text begins.
    pub const LEFT: f32 = SIDE;

    /// Where text ends.
    pub const fn right(&self) -> f32 {
        self.size.0 - SIDE
    }

    /// Width of the text.
    pub const fn width(&self) -> f32 {
        self.right() - Self::LEFT
    }

    /// Height of the text on a whole page.
    pub const fn height(&self) -> f32 {
        self.size.1 - TOP - BOTTOM
    }

    /// Height that is left on this page.
    pub fn room(&self) -> f32 {
        self.size.1 - BOTTOM - self.y
    }

    /// The number of this page, from 0.
    pub const fn sheet(&self) -> usize {
        self.sheets.len().saturating_sub(1)
    }

    /// Goes on on a new page.
    pub fn new_sheet(&mut self) {
        self.sheets.push(Sheet::default());
        self.y = TOP;
    }

    /// Goes on on a new page when there is less room than this; true when it did.
    pub fn make_room(&mut self, height: f32) -> bool {
        let is_full = self.room() < height && self.y > TOP;
        if is_full {
            self.new_sheet();
        }
        is_full
    }

    /// Everything that is composed by `content` is a branch of the tree.
    pub fn within(&mut self, tag: impl Into<TagKind>, content: impl FnOnce(&mut Self)) {
        self.branches.push(Branch { tag: tag.into(), twigs: Vec::new() });
        content(self);
        let Some(branch) = self.branches.pop() else { return };
        match self.branches.last_mut() {
            _ if branch.twigs.is_empty() => {}
            Some(parent) => parent.twigs.push(Twig::Branch(branch)),
            None => self.tree.push(branch),
        }
    }

    fn push(&mut self, leaf: Leaf, marks: Vec<Mark>) {
        if let Some(sheet) = self.sheets.last_mut() {
            sheet.pieces.push(Piece { leaf, marks });
        }
    }

    fn new_leaf(&mut self) -> Option<usize> {
        let branch = self.branches.last_mut()?;
        branch.twigs.push(Twig::Leaf(self.leaves));
        self.leaves += 1;
        Some(self.leaves - 1)
    }

    /// Marks that are content of the branch that is open.
    pub fn content(&mut self, marks: Vec<Mark>) {
        match self.new_leaf() {
            Some(leaf) => self.push(Leaf::Content(leaf), marks),
            None => self.decoration(marks),
        }
    }

    /// Marks that say nothing.
    pub fn decoration(&mut self, marks: Vec<Mark>) {
        self.push(Leaf::Artifact(ArtifactType::Layout), marks);
    }

    /// Width of clean text.
    pub fn measure(&self, style: Style, text: &str) -> f32 {
        self.faces.shape(style.weight, text).width * style.size
    }

    /// A line of clean text as content of the branch that is open.
    pub fn line(&mut self, x: f32, baseline: f32, style: Style, text: &str) {
        let mark = self.text_mark(x, baseline, style, text);
        self.content(vec![mark]);
    }

    /// A line of clean text that is no content: heads that are repeated.
    pub fn decorating_line(&mut self, x: f32, y: f32, style: Style, text: &str) {
        let mark = self.text_mark(x, y, style, text);
        self.push(Leaf::Artifact(ArtifactType::PaginationOther), vec![mark]);
    }

    /// A line of clean text.
    pub fn text_mark(&self, x: f32, y: f32, style: Style, text: &str) -> Mark {
        let Style { size, weight, colour, .. } = style;
        Mark::Text { x, y, size, weight, colour, run: self.faces.shape(weight, text) }
    }

    /// Clean text in lines, over pages where it is long.
    pub fn paragraph(&mut self, style: Style, text: &str) {
        let lines = self.faces.wrap(style.weight, style.size, text, self.width());
        self.within(Tag::P, |composer| composer.lines(style, &lines));
    }

    fn lines(&mut self, style: Style, lines: &[String]) {
        let last = lines.len().saturating_sub(1);
        for (at, line) in lines.iter().enumerate() {
            // No first or last line alone on a page.
            let together = if at == 0 || at + 1 == last { count(lines.len().min(2)) } else { 1.0 };
            self.make_room(together * style.leading);
            let baseline = self.y + style.leading * 0.72;
            let end = if at == last { "" } else { " " };
            self.line(Self::LEFT, baseline, style, &format!("{line}{end}"));
            self.y += style.leading;
        }
    }

    /// The title of the report.
    pub fn title(&mut self, text: &str) {
        self.headline(TITLE, 1, text, 0.0);
    }

    /// A heading on the page of what follows, which is at least so high. It is in the outline.
    pub fn heading(&mut self, text: &str, follows: f32) {
        if self.y > TOP {
            self.y += 20.0;
        }
        self.headline(HEADING, 2, text, follows);
        self.y += 5.0;
    }

    fn headline(&mut self, style: Style, level: u16, text: &str, follows: f32) {
        let lines = self.faces.wrap(style.weight, style.size, text, self.width());
        self.make_room(style.leading * count(lines.len()) + follows.min(self.height() / 2.0));
        self.bookmarks.push(Bookmark { title: text.to_owned(), sheet: self.sheet(), y: self.y });
        let level = NonZeroU16::new(level).unwrap_or(NonZeroU16::MIN);
        self.within(Tag::Hn(level, Some(text.to_owned())), |composer| composer.lines(style, &lines));
    }

    /// A line from one side to the other at the cursor.
    pub fn rule(&mut self, colour: Colour) {
        let (left, right, y) = (Self::LEFT, self.right(), self.y);
        self.decoration(vec![horizontal(left, right, y, colour, 0.6)].into_iter().flatten().collect());
    }

    /// The report, with header and footer on each page.
    pub fn finish(mut self, title: &str, period: &str, made: &str) -> Laid {
        let (left, right) = (Self::LEFT, self.right());
        let pages = self.sheets.len();
        for number in 0..pages {
            let mut header = Vec::new();
            let wide = self.measure(SMALL, period);
            header.push(self.text_mark(right - wide, 38.0, SMALL, period));
            let room = right - left - wide - 24.0;
            let bold = Style { weight: Weight::SemiBold, colour: colours::SOFT, ..SMALL };
            let shown = self.faces.wrap(bold.weight, bold.size, title, room);
            let first = shown.first().map(String::as_str).unwrap_or_default();
            let dots = if shown.len() > 1 { "…" } else { "" };
            header.push(self.text_mark(left, 38.0, bold, &format!("{first}{dots}")));
            header.extend(horizontal(left, right, 46.0, colours::LINE, 0.6));
            let y = self.size.1 - 32.0;
            let mut footer = vec![self.text_mark(left, y, SMALL, made)];
            let of = format!("{} / {pages}", number + 1);
            footer.push(self.text_mark(right - self.measure(SMALL, &of), y, SMALL, &of));
            if let Some(sheet) = self.sheets.get_mut(number) {
                sheet.pieces.insert(0, Piece { leaf: Leaf::Artifact(ArtifactType::Header), marks: header });
                sheet.pieces.push(Piece { leaf: Leaf::Artifact(ArtifactType::Footer), marks: footer });
            }
        }
        Laid {
            size: self.size,
            sheets: self.sheets,
            tree: self.tree,
            leaves: self.leaves,
            bookmarks: self.bookmarks,
        }
    }
}

/// A small number of lines or columns as a factor of lengths.
pub fn count(number: usize) -> f32 {
    u16::try_from(number).map_or(f32::from(u16::MAX), f32::from)
}

/// A line from the left to the right.
pub fn horizontal(left: f32, right: f32, y: f32, colour: Colour, width: f32) -> Option<Mark> {
    let stroke = Some(Stroke { colour, width, is_dashed: false });
    polyline(&[(left, y), (right, y)], false).map(|path| Mark::Shape { path, fill: None, stroke })
}

/// A filled box; `None` when it has no area.
pub fn filled_box(x: f32, y: f32, width: f32, height: f32, colour: Colour) -> Option<Mark> {
    let path = rectangle(x, y, width, height)?;
    Some(Mark::Shape { path, fill: Some(colour), stroke: None })
}

/// The outline of a box; `None` when it has no area.
pub fn rectangle(x: f32, y: f32, width: f32, height: f32) -> Option<Path> {
    let mut path = PathBuilder::new();
    path.push_rect(Rect::from_xywh(x, y, width, height)?);
    path.finish()
}

/// A line through points; `None` when there are none, or they are no numbers.
pub fn polyline(points: &[(f32, f32)], is_closed: bool) -> Option<Path> {
    let (&(x, y), others) = points.split_first()?;
    if points.iter().any(|(x, y)| !x.is_finite() || !y.is_finite()) {
        return None;
    }
    let mut path = PathBuilder::new();
    path.move_to(x, y);
    for &(x, y) in others {
        path.line_to(x, y);
    }
    if is_closed {
        path.close();
    }
    path.finish()
}
