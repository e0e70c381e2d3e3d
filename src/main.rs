//! The `tidemark` program: everything it does is in the library, which tests can call.

use std::process::ExitCode;

fn main() -> ExitCode {
    tidemark::cli::main()
}
