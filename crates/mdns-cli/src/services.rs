//! Services from a file: one JSON object a line, with the fields that `--json` prints.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use mdns_proto::{
    name::{ServiceType, check_instance},
    wire::TxtVec,
};
use mdns_socket::Selection;
use mdns_tokio::Announcement;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

use crate::args::{own_host, subtype};

/// A line. Fields that it has beside these say nothing.
#[derive(Deserialize)]
struct Line {
    instance: String,
    /// In place of `instance`, its bytes.
    #[serde(default)]
    instance_base64: Option<String>,
    #[serde(rename = "type")]
    service_type: String,
    port: u16,
    #[serde(default)]
    txt: Attributes,
    /// In place of `txt`, all of its strings.
    #[serde(default)]
    txt_base64: Option<Vec<String>>,
    #[serde(default)]
    subtypes: Vec<String>,
    #[serde(default)]
    placeholders: Vec<String>,
    #[serde(default)]
    host: Option<String>,
    /// Names and patterns; all that are used, if there are none.
    #[serde(default)]
    interfaces: Vec<String>,
}

/// Attributes in the order in which they are written.
#[derive(Default)]
struct Attributes(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Attributes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of attributes")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Attributes, A::Error> {
                let mut attributes = Vec::new();
                while let Some(attribute) = object.next_entry()? {
                    attributes.push(attribute);
                }
                Ok(Attributes(attributes))
            }
        }

        from.deserialize_map(Object)
    }
}

/// The value of an attribute.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Bytes {
        base64: String,
    },
    /// `true` is a key without a value, and so is `null`; `false` is no attribute.
    Present(bool),
    Null(()),
}

/// All services of a text; lines without anything are left out.
///
/// # Errors
///
/// Says in which line what is wrong; or that there is no service.
pub(crate) fn read(text: &str) -> Result<Vec<Announcement>, String> {
    let lines = (1..).zip(text.lines());
    let services: Vec<Announcement> = lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| service(line).map_err(|why| format!("line {number}: {why}")))
        .collect::<Result<_, _>>()?;
    match services.as_slice() {
        [] => Err("there is no service in it".to_owned()),
        _ => Ok(services),
    }
}

fn service(line: &str) -> Result<Announcement, String> {
    let mut line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
    if let Some(label) = &line.instance_base64 {
        line.instance = String::from_utf8(of_base64(label, "instance_base64")?)
            .map_err(|error| format!("instance_base64 {label:?}: {error}"))?;
    }
    let service_type: ServiceType = line
        .service_type
        .parse()
        .map_err(|error| format!("type {:?}: {error}", line.service_type))?;
    check_instance(&line.instance)
        .map_err(|error| format!("instance {:?}: {error}", line.instance))?;
    let mut txt = TxtVec::new();
    for (key, value) in &line.txt.0 {
        let bytes = match value {
            Value::Text(text) => Some(text.clone().into_bytes()),
            Value::Bytes { base64 } => Some(of_base64(base64, "txt")?),
            Value::Present(true) | Value::Null(()) => None,
            Value::Present(false) => continue,
        };
        txt.push(key, bytes.as_deref())
            .map_err(|error| format!("txt {key:?}: {error}"))?;
    }
    if let Some(strings) = &line.txt_base64 {
        txt = TxtVec::new();
        for string in strings {
            txt.push_string(&of_base64(string, "txt_base64")?)
                .map_err(|error| format!("txt_base64 {string:?}: {error}"))?;
        }
    }
    for label in &line.subtypes {
        subtype(label).map_err(|error| format!("subtype {label:?}: {error}"))?;
    }
    let placeholder = |text: &String| {
        text.parse()
            .map_err(|error| format!("placeholder {text:?}: {error}"))
    };
    let placeholders: Result<_, String> = line.placeholders.iter().map(placeholder).collect();
    let host = line
        .host
        .map(|host| own_host(&host).map_err(|error| format!("host {host:?}: {error}")));
    Ok(Announcement {
        txt,
        subtypes: line.subtypes,
        placeholders: placeholders?,
        host: host.transpose()?,
        interfaces: interfaces(&line.interfaces)?,
        ..Announcement::new(line.instance, service_type, line.port)
    })
}

/// The bytes of a field.
fn of_base64(text: &str, field: &str) -> Result<Vec<u8>, String> {
    BASE64_STANDARD
        .decode(text)
        .map_err(|error| format!("{field} {text:?}: {error}"))
}

/// What a service is offered on. They need not be there yet.
fn interfaces(patterns: &[String]) -> Result<Option<Selection>, String> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let mut patterns = patterns.iter();
    let selection = patterns.try_fold(Selection::none(), |all, pattern| all.with_name(pattern));
    selection.map(Some).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_service() {
        let text = r#"
            {"instance":"A. B","type":"_http._tcp","port":80,"txt":{"bin":{"base64":"/w=="},"flag":true,"none":null,"path":"/"},"subtypes":["_x"],"host":"h1.local","interfaces":["eth0","en*"],"time_ms":3}

            {"instance":"C","type":"_ipp._tcp.local","port":631}
        "#;
        let services = read(text).expect("services");
        assert_eq!(services.len(), 2);
        assert_eq!(
            services[0].txt.as_txt().to_string(),
            r#""bin=\255" "flag" "none" "path=/""#
        );
        assert_eq!(services[0].host.as_deref(), Some("h1"));
        assert!(services[0].interfaces.is_some() && services[1].interfaces.is_none());
        assert_eq!(services[1].service_type.to_string(), "_ipp._tcp.local");
    }

    /// What is no text is read back from what was printed, and attributes keep their order.
    #[test]
    fn bytes_are_read_in_place_of_text() {
        let text = r#"{"instance":"\\\\a","instance_base64":"XFxh","type":"_http._tcp","port":1,"txt":{"z":"1","a":true}}
            {"instance":"B","type":"_http._tcp","port":1,"txt":{"\\255":"1"},"txt_base64":["/z0x","/z0y","YQ==","PW4="]}"#;
        let services = read(text).expect("services");
        assert_eq!(services[0].instance, r"\\a");
        assert_eq!(services[0].txt.as_txt().to_string(), r#""z=1" "a""#);
        assert_eq!(
            services[1].txt.as_txt().to_string(),
            r#""\255=1" "\255=2" "a" "=n""#
        );
        for (rest, why) in [
            (
                r#""instance_base64":"/w==""#,
                "instance_base64 \"/w==\": invalid utf-8",
            ),
            (r#""instance_base64":"?""#, "instance_base64 \"?\": "),
            (r#""txt_base64":["?"]"#, "txt_base64 \"?\": "),
            (r#""txt":{"a":"1","A":"2"}"#, "txt \"A\": key given before"),
            (r#""txt":{"a":"1","a":"2"}"#, "txt \"a\": key given before"),
        ] {
            let line = format!(r#"{{"instance":"A","type":"_http._tcp","port":1,{rest}}}"#);
            let error = read(&line).expect_err(why);
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let good = r#"{"instance":"A","type":"_http._tcp","port":80}"#;
        for (bad, why) in [
            ("{}", "instance"),
            ("nonsense", "expected"),
            (r#"{"instance":"A","type":"http","port":80}"#, "underscore"),
            (r#"{"instance":"","type":"_http._tcp","port":80}"#, "empty"),
            (
                r#"{"instance":"A","type":"_http._tcp","port":1,"interfaces":["eth["]}"#,
                "malformed",
            ),
            (
                r#"{"instance":"A","type":"_http._tcp","port":65536}"#,
                "65536",
            ),
            (
                r#"{"instance":"A","type":"_http._tcp","port":1,"txt":{"=":"x"}}"#,
                "txt \"=\"",
            ),
            (
                r#"{"instance":"A","type":"_http._tcp","port":1,"subtypes":[""]}"#,
                "subtype \"\"",
            ),
            (
                r#"{"instance":"A","type":"_http._tcp","port":1,"host":"a.b"}"#,
                "host \"a.b\"",
            ),
        ] {
            let error = read(&format!("{good}\n{bad}")).expect_err("a fault");
            assert!(
                error.starts_with("line 2: ") && error.contains(why),
                "{bad}: {error}"
            );
        }
        assert!(read("\n").is_err());
    }

    /// Lines that somebody else wrote: each is refused with words that command no terminal, or is a service that can be.
    ///
    /// covers: SEC-19, SEC-20
    #[test]
    fn hostile_lines_are_refused_harmlessly() {
        let deep = "[".repeat(100_000);
        let long = "x".repeat(100_000);
        let service =
            |rest: &str| format!(r#"{{"instance":"A","type":"_http._tcp","port":80{rest}}}"#);
        let refused = [
            r#"{"instance":"\u001b[2J","type":"_http._tcp","port":80}"#.to_owned(),
            r#"{"instance":"a\u0000b","type":"_http._tcp","port":80}"#.to_owned(),
            r#"{"instance":"A","type":"\u001b[2J._tcp","port":80}"#.to_owned(),
            r#"{"instance":"A","type":"_http._tcp","port":"\u001b[2J\u009b"}"#.to_owned(),
            r#"{"instance":"A","type":"_http._tcp","port":-1}"#.to_owned(),
            r#"{"instance":"A","type":"_http._tcp","port":8e1}"#.to_owned(),
            "\u{1b}[2J".to_owned(),
            "\0".to_owned(),
            deep.clone(),
            format!(r#"{{"instance":"{long}","type":"_http._tcp","port":80}}"#),
            format!(r#"{{"instance":"A","type":"{long}","port":80}}"#),
            service(r#","instance":"B""#),
            service(r#","host":"\u001b[2J""#),
            service(r#","host":"a/../b""#),
            service(r#","subtypes":[""]"#),
            service(r#","placeholders":["\u001b[2J"]"#),
            service(r#","interfaces":["\u001b[2J["]"#),
            service(r#","txt":{"\u001b[2J":"x"}"#),
            service(r#","txt":{"k":{"base64":"\u001b[2J"}}"#),
            service(r#","txt":["\u001b[2J"]"#),
            service(&format!(r#","txt":{{"k":"{long}"}}"#)),
            service(&format!(r#","txt":{{"k":{deep}"}}"#)),
        ];
        for line in refused {
            let error = read(&line).expect_err(&line);
            assert!(error.starts_with("line 1: "), "{error}");
            assert!(!error.contains(char::is_control), "{error:?}");
        }
        // A value and a subtype may hold any bytes (RFC 6763 §6.5, §7.1); who shows them escapes them.
        let text = service(r#","txt":{"k":"\u001b[2J"},"subtypes":["\u001b[2J"],"x":{"y":[1]}"#);
        let services = read(&text).expect("a service");
        assert_eq!(services[0].txt.as_txt().to_string(), r#""k=\027[2J""#);
    }
}
