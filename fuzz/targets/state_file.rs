//! What was learned, as it stands in the state file: octets that were not written by us are refused or taken over.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::Arc;
use tidemark::engine::{Config, Engine, Snapshot};
use tidemark::enrich::Origins;
use tidemark::model::Networks;

fuzz_target!(|input: &[u8]| {
    let Ok(snapshot) = postcard::from_bytes::<Snapshot>(input) else {
        return;
    };
    let origins = Arc::new(Origins::new(Networks::default()));
    let mut engine = Engine::new(Config::default(), origins, 1).expect("the defaults are sound");
    if engine.restore(snapshot).is_ok() {
        engine.finish();
        let _ = engine.snapshot();
    }
});
