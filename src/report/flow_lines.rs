//! Writes Flow Records line by line in the format asked for, fast enough for millions of them.

use super::flow_table::FlowTable;
use super::{csv, json};
use crate::model::FlowRecord;
use std::io;

/// A format for Flow Records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlowFormat {
    /// An aligned table with totals.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
    /// Comma-separated values with a header.
    Csv,
}

/// So many octets are gathered before they are written.
const CHUNK: usize = 64 * 1024;

/// A stream of Flow Records under way.
///
/// [`FlowLines::finish`] must be called: what is gathered is not written on drop, since an error could not be told.
#[derive(Debug)]
pub struct FlowLines<W> {
    out: W,
    format: FlowFormat,
    table: FlowTable,
    gathered: Vec<u8>,
    begun: bool,
}

impl<W: io::Write> FlowLines<W> {
    /// Writes nothing yet.
    pub fn new(out: W, format: FlowFormat) -> Self {
        Self {
            out,
            format,
            table: FlowTable::new(),
            gathered: Vec::with_capacity(CHUNK + 1024),
            begun: false,
        }
    }

    /// Adds one record.
    ///
    /// # Errors
    /// What the output reports, such as a closed pipe.
    pub fn flow(&mut self, flow: &FlowRecord) -> io::Result<()> {
        self.begin();
        match self.format {
            FlowFormat::Text => self.table.flow(&mut self.gathered, flow),
            FlowFormat::Json => json::flow(&mut self.gathered, flow),
            FlowFormat::Csv => csv::flow(&mut self.gathered, flow),
        }
        if self.gathered.len() >= CHUNK {
            self.out.write_all(&self.gathered)?;
            self.gathered.clear();
        }
        Ok(())
    }

    /// Writes totals, where the format has them, and all that is gathered; gives the output back.
    ///
    /// # Errors
    /// What the output reports.
    pub fn finish(mut self) -> io::Result<W> {
        self.begin();
        if self.format == FlowFormat::Text {
            self.table.totals(&mut self.gathered);
        }
        self.out.write_all(&self.gathered)?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// The header, once.
    fn begin(&mut self) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        match self.format {
            FlowFormat::Text => self.table.header(&mut self.gathered),
            FlowFormat::Json => {}
            FlowFormat::Csv => self.gathered.extend_from_slice(csv::HEADER.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn lines(format: FlowFormat, flows: &[FlowRecord]) -> Vec<String> {
        let mut out = Vec::new();
        let mut lines = FlowLines::new(&mut out, format);
        for flow in flows {
            lines.flow(flow).unwrap();
        }
        lines.finish().unwrap();
        String::from_utf8(out)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn each_format_has_its_frame_even_without_flows() {
        assert_eq!(lines(FlowFormat::Text, &[]).len(), 2);
        assert_eq!(lines(FlowFormat::Csv, &[]).len(), 1);
        assert_eq!(lines(FlowFormat::Json, &[]).len(), 0);
    }

    #[test]
    fn no_line_is_lost_between_chunks() {
        let flows: Vec<_> = fixture::flows().into_iter().cycle().take(2_000).collect();
        let written = lines(FlowFormat::Json, &flows);
        assert_eq!(written.len(), 2_000);
        assert_eq!(written[0], written[1_998]);
    }

    #[test]
    fn a_closed_pipe_is_an_error_and_no_panic() {
        #[derive(Debug)]
        struct Closed;
        impl io::Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = FlowLines::new(Closed, FlowFormat::Text).finish().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
