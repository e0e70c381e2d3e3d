//! The look of the page: one style sheet for screen, dark screen, phone and paper.

/// The style sheet. Text colours keep a contrast of at least 4.5 to 1 on both of their grounds (WCAG 2.2, 1.4.3).
pub const SHEET: &str = include_str!("style.css");
