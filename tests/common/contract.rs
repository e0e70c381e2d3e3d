//! Whether JSON has the shape that a receiver documents: the part of JSON Schema that takes.

#![allow(dead_code)]

use serde_json::Value;

/// Everything that breaks the contract, with where it stands.
pub fn breaches(value: &Value, schema: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut say = |holds: bool, what: String| {
        if !holds {
            found.push(format!("{at}: {what}: {value}"));
        }
    };
    if let Some(types) = schema.get("type") {
        let named = |name: &Value| match name.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            other => panic!("no type: {other}"),
        };
        let holds = types
            .as_array()
            .map_or_else(|| named(types), |types| types.iter().any(named));
        say(holds, format!("is no {types}"));
    }
    if let Some(known) = schema.get("enum") {
        say(
            known.as_array().unwrap().contains(value),
            format!("is none of {known}"),
        );
    }
    let length = value
        .as_str()
        .map(|text| text.chars().count())
        .or_else(|| value.as_array().map(Vec::len));
    if let Some(length) = length.map(|length| length as u64) {
        for least in ["minLength", "minItems"] {
            let least = schema.get(least).and_then(Value::as_u64).unwrap_or(0);
            say(length >= least, format!("is shorter than {least}"));
        }
        for most in ["maxLength", "maxItems"] {
            let most = schema.get(most).and_then(Value::as_u64).unwrap_or(u64::MAX);
            say(length <= most, format!("is longer than {most}"));
        }
    }
    for name in schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        say(
            value.get(name.as_str().unwrap()).is_some(),
            format!("has no {name}"),
        );
    }
    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
        if let Some(schema) = schema.get("items") {
            found.extend(breaches(item, schema, &format!("{at}[{i}]")));
        }
    }
    for (name, inner) in value.as_object().into_iter().flatten() {
        match schema.get("properties").and_then(|known| known.get(name)) {
            Some(schema) => found.extend(breaches(inner, schema, &format!("{at}.{name}"))),
            None if schema.get("additionalProperties") == Some(&Value::Bool(false)) => {
                found.push(format!("{at}: `{name}` is not documented"));
            }
            None => {}
        }
    }
    found
}
