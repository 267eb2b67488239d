//! Traffic by country: classes and colours, the table, the legend, and the picture to take away.
//!
//! Components here get figures and give events; they fetch nothing. The map itself is `world_map`, which colours
//! countries by the shades that are computed here.

pub mod choice;
pub mod country_table;
pub mod group_table;
pub mod legend;
pub mod picture;
pub mod rows;
pub mod scale;
pub mod source_line;
