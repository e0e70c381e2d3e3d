//! Just enough Rust to read it as text: what is code, what is comment or literal, and what is there for tests only.

use std::ops::Range;

/// One Rust file.
pub struct Source {
    /// Relative to the root of the repository.
    pub path: String,
    /// As written.
    pub raw: String,
    /// The same octets with comments, strings and characters blanked out; offsets and lines stay.
    pub code: String,
    /// Octet ranges of items under `#[cfg(test)]` or `#[test]`.
    tests: Vec<Range<usize>>,
}

/// A word, number, `::` or single punctuation mark of the code.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Token<'a> {
    pub text: &'a str,
    /// Offset of its first octet.
    pub at: usize,
}

impl Token<'_> {
    /// Whether it is an identifier or keyword.
    pub fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c == '_' || c.is_alphabetic())
    }
}

impl Source {
    pub fn new(path: &str, raw: &str) -> Self {
        let code = blanked(raw);
        let tests = test_items(&tokens(&code));
        Self {
            path: path.to_string(),
            raw: raw.to_string(),
            code,
            tests,
        }
    }

    /// Declares the whole file to be test code.
    pub fn mark_as_test(&mut self) {
        self.tests.push(0..self.raw.len());
    }

    /// Whether the octet at `offset` is there for tests only.
    pub fn is_test(&self, offset: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&offset))
    }

    /// The line, counted from 1, of the octet at `offset`.
    pub fn line(&self, offset: usize) -> usize {
        1 + self.code.bytes().take(offset).filter(|&b| b == b'\n').count()
    }

    /// Its code, token by token.
    pub fn tokens(&self) -> Vec<Token<'_>> {
        tokens(&self.code)
    }
}

/// Overwrites comments, strings and characters with spaces; line ends stay.
fn blanked(raw: &str) -> String {
    let octets = raw.as_bytes();
    let mut code = String::with_capacity(raw.len());
    let mut at = 0;
    while at < octets.len() {
        let end = literal_end(octets, at);
        if end > at {
            code.extend(
                octets[at..end]
                    .iter()
                    .map(|&b| if b == b'\n' { '\n' } else { ' ' }),
            );
            at = end;
        } else {
            let end = word_end(raw, at);
            code.push_str(&raw[at..end]);
            at = end;
        }
    }
    code
}

/// The end of the comment or literal that begins at `at`; `at` itself where none does.
fn literal_end(octets: &[u8], at: usize) -> usize {
    match (octets[at], octets.get(at + 1)) {
        (b'/', Some(b'/')) => position(octets, at, |rest| rest[0] == b'\n'),
        (b'/', Some(b'*')) => block_comment_end(octets, at),
        (b'"', _) => quoted_end(octets, at + 1, b'"'),
        (b'\'', Some(b'\\')) => quoted_end(octets, at + 1, b'\''),
        (b'\'', Some(&first)) => {
            // A lifetime has no closing mark right after its first character.
            let close = at + 1 + utf8_length(first);
            if octets.get(close) == Some(&b'\'') {
                close + 1
            } else {
                at
            }
        }
        (b'r' | b'b' | b'c', _) => raw_string_end(octets, at).unwrap_or(at),
        _ => at,
    }
}

fn utf8_length(first: u8) -> usize {
    match first {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}

/// The first offset from `at` on whose rest satisfies `found`, or the end.
fn position(octets: &[u8], at: usize, found: impl Fn(&[u8]) -> bool) -> usize {
    (at..octets.len())
        .find(|&i| found(&octets[i..]))
        .unwrap_or(octets.len())
}

fn block_comment_end(octets: &[u8], at: usize) -> usize {
    let (mut depth, mut i) = (0, at);
    while i < octets.len() {
        match &octets[i..octets.len().min(i + 2)] {
            b"/*" => (depth, i) = (depth + 1, i + 2),
            b"*/" => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i
}

fn quoted_end(octets: &[u8], mut at: usize, mark: u8) -> usize {
    while at < octets.len() {
        match octets[at] {
            b'\\' => at += 2,
            b if b == mark => return at + 1,
            _ => at += 1,
        }
    }
    octets.len()
}

/// The end of `r"..."`, `r#"..."#`, `br"..."` and their like, if one begins at `at`.
fn raw_string_end(octets: &[u8], at: usize) -> Option<usize> {
    let prefix = octets[at..].iter().take_while(|b| b"brc".contains(b)).count();
    if octets[at + prefix - 1] != b'r' {
        return None;
    }
    let hashes = octets[at + prefix..].iter().take_while(|&&b| b == b'#').count();
    let open = at + prefix + hashes;
    if octets.get(open) != Some(&b'"') {
        return None;
    }
    let close = [&b"\""[..], &b"#".repeat(hashes)].concat();
    let end = position(octets, open + 1, |rest| rest.starts_with(&close));
    Some(octets.len().min(end + close.len()))
}

/// The end of the word at `at`, or of the one character there.
fn word_end(code: &str, at: usize) -> usize {
    let rest = &code[at..];
    let word = rest
        .find(|c: char| c != '_' && !c.is_alphanumeric())
        .unwrap_or(rest.len());
    at + word.max(rest.chars().next().map_or(1, char::len_utf8))
}

fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let end = if code[at..].starts_with("::") {
            at + 2
        } else {
            word_end(code, at)
        };
        let text = &code[at..end];
        if !text.trim().is_empty() {
            found.push(Token { text, at });
        }
        at = end;
    }
    found
}

/// The texts of the `n` tokens from `i` on, fewer at the end.
pub fn ahead<'a>(tokens: &[Token<'a>], i: usize, n: usize) -> Vec<&'a str> {
    tokens.iter().skip(i).take(n).map(|t| t.text).collect()
}

/// The index after the bracket that closes the one at `open`.
pub fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i + 1;
        }
    }
    tokens.len()
}

/// The index after the item that begins at `start`: after its body, or after its `;`.
fn item_end(tokens: &[Token], start: usize) -> usize {
    let mut i = start;
    while i < tokens.len() {
        match tokens[i].text {
            "{" => return closing(tokens, i),
            ";" => return i + 1,
            "(" | "[" => i = closing(tokens, i),
            _ => i += 1,
        }
    }
    i
}

/// Whether the attribute tokens say that what follows is compiled for tests only.
fn is_test_attribute(attribute: &[&str]) -> bool {
    match attribute {
        ["#", "[", "test", "]"] => true,
        ["#", "[", "cfg", ..] => attribute.contains(&"test") && !attribute.contains(&"not"),
        _ => false,
    }
}

/// Token index ranges of the items that are compiled for tests only, attributes included.
fn test_spans(tokens: &[Token]) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        if ahead(tokens, i, 2) != ["#", "["] {
            i += 1;
            continue;
        }
        let mut end = closing(tokens, i + 1);
        if is_test_attribute(&ahead(tokens, i, end - i)) {
            while ahead(tokens, end, 2) == ["#", "["] {
                end = closing(tokens, end + 1);
            }
            end = item_end(tokens, end);
            spans.push(i..end);
        }
        i = end;
    }
    spans
}

fn test_items(tokens: &[Token]) -> Vec<Range<usize>> {
    let octets = |span: Range<usize>| tokens[span.start].at..tokens[span.end - 1].at + 1;
    test_spans(tokens).into_iter().map(octets).collect()
}

/// Beginnings of the paths of files that `source` declares for tests only (`#[cfg(test)] mod name;`).
pub fn test_files(source: &Source) -> Vec<String> {
    let tokens = source.tokens();
    let (folder, file) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
    let folder = match file {
        "mod.rs" | "lib.rs" | "main.rs" => folder.to_string(),
        _ => format!("{folder}/{}", file.trim_end_matches(".rs")),
    };
    let declared = |span: Range<usize>| match &ahead(&tokens, span.start, span.len())[..] {
        [.., "mod", name, ";"] => vec![format!("{folder}/{name}.rs"), format!("{folder}/{name}/")],
        _ => vec![],
    };
    test_spans(&tokens).into_iter().flat_map(declared).collect()
}

#[test]
fn comments_and_literals_are_blanked_and_code_stays() {
    let cases = [
        ("a // b", "a     "),
        ("a /* b /* c */ d */ e", "a                   e"),
        (
            r#"f("x\"y", 'z', '\'', b'{') g"#,
            r#"f(      ,    ,     , b   ) g"#,
        ),
        (
            r###"r"a\" b r#"c " d"# e br##"f"# "## g"###,
            r###"      b            e              g"###,
        ),
        ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
        ("'é' é \"ü\n{\" x", "     é    \n   x"),
        ("r#match + bar + c\"{\"", "r#match + bar + c   "),
    ];
    for (raw, code) in cases {
        let found = blanked(raw);
        assert_eq!(found, code, "{raw}");
        assert_eq!(found.len(), raw.len(), "offsets stay: {raw}");
    }
}

#[test]
fn an_unfinished_literal_ends_with_the_file() {
    for raw in ["\"abc", "'\\", "r#\"abc\"", "/* /* */", "\"\\"] {
        assert_eq!(blanked(raw).trim(), "", "{raw}");
    }
}

#[test]
fn test_code_is_told_from_the_rest() {
    let file = Source::new(
        "src/meter/cache.rs",
        "fn a() {}\n#[cfg(test)]\n#[path = \"x\"]\nfn b() -> [u8; 2] { [0; 2] }\nfn c() {}\n\
         #[cfg(not(test))]\nfn d() {}\n#[cfg(test)]\nmod tests { fn e() {} }\n#[cfg(test)]\nmod far;\n#[test]\nfn f() {}\n",
    );
    for (name, test) in [
        ("a", false),
        ("b", true),
        ("c", false),
        ("d", false),
        ("e", true),
        ("f", true),
    ] {
        let at = file.raw.find(&format!("fn {name}(")).unwrap();
        assert_eq!(file.is_test(at), test, "{name}");
    }
    assert_eq!(
        test_files(&file),
        ["src/meter/cache/far.rs", "src/meter/cache/far/"]
    );
}
