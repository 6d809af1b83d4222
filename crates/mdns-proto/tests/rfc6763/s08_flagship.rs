//! §8: a family of protocols, one name space: placeholders for those that are not spoken.

use mdns_proto::{
    name::ServiceType,
    own::{RegisterError, Service, ServiceId},
};

use super::bench::{Bench, Heard, Sent, ms};

/// A printer that speaks IPP alone, and so must hold its name under LPR, the flagship.
fn register(bench: &mut Bench) -> ServiceId {
    let (ipp, lpr): (ServiceType, ServiceType) = (
        "_ipp._tcp".parse().expect("a type"),
        "_printer._tcp".parse().expect("a type"),
    );
    let service = Service {
        placeholders: &[&lpr],
        ..Service::new("Laser", &ipp, 631)
    };
    let id = bench.act(|core, now| core.register(now, &service));
    id.expect("a service")
}

fn started(seed: u64) -> (Bench, ServiceId) {
    let mut bench = Bench::new(seed);
    bench.add_host("hall");
    let service = register(&mut bench);
    (bench, service)
}

/// covers: 6763-8-b, 6763-8-c, 6763-8-d
#[test]
fn s8_a_placeholder_is_probed_for_and_leads_nowhere() {
    let (mut bench, service) = started(1);
    bench.run(ms(20_000));
    let placeholder = "Laser._printer._tcp.local 120 IN! SRV 0 0 0 hall.local";
    let sent = bench.take();
    let probes: Vec<_> = sent.iter().filter(|sent| !sent.is_response()).collect();
    assert_eq!(probes.len(), 3);
    for probe in probes {
        assert!(
            probe
                .asked()
                .contains(&"Laser._printer._tcp.local IN ANY?".into())
        );
        assert!(
            probe
                .authorities()
                .contains(&placeholder.replace("IN!", "IN"))
        );
    }
    let says = |sent: &[Sent], text: &str| sent.iter().any(|sent| sent.says(text));
    assert!(says(&sent, placeholder));
    assert!(!says(&sent, "_printer._tcp.local 4500"));
    assert!(!says(
        &sent,
        "_services._dns-sd._udp.local 4500 IN PTR _printer"
    ));

    bench.hear(&Heard::query(&["_printer._tcp.local PTR"]));
    bench.run(ms(2000));
    assert_eq!(bench.take().len(), 0);
    bench.hear(&Heard::query(&["Laser._printer._tcp.local SRV"]));
    let (_, answer) = bench.one_since(0);
    assert_eq!(answer.answers(), [placeholder]);

    // The port is that of what is offered.
    bench.run(ms(2000));
    bench
        .act(|core, now| core.update_port(now, service, 632))
        .expect("a service");
    bench.run(ms(2000));
    let sent = bench.take();
    assert!(says(&sent, "Laser._ipp._tcp.local 120 IN! SRV 0 0 632"));
    assert!(!says(
        &sent,
        "Laser._printer._tcp.local 120 IN! SRV 0 0 632"
    ));
    // Both take their leave together.
    bench.act(|core, now| core.withdraw(now, service));
    bench.run(ms(2000));
    let sent = bench.take();
    assert!(says(&sent, "Laser._ipp._tcp.local 0") && says(&sent, "Laser._printer._tcp.local 0"));
}

/// covers: 6763-8-e
#[test]
fn s8_who_has_the_name_under_the_flagship_has_it_everywhere() {
    // While probing, and after: then it is probed for once more first.
    for wait in [400, 20_000] {
        let (mut bench, _) = started(2);
        bench.run(ms(wait));
        bench.forget();
        let rival = Heard::response(&["Laser._printer._tcp.local 120 IN! SRV 0 0 515 rival.local"]);
        bench.hear(&rival);
        bench.run(ms(600));
        bench.hear(&rival);
        bench.run(ms(20_000));
        let mut events = bench.take_events();
        events.retain(|event| !event.starts_with("host"));
        assert_eq!(
            events,
            [
                "renamed Laser (2)._ipp._tcp.local",
                "registered Laser (2)._ipp._tcp.local"
            ]
        );
        let sent = bench.take();
        let says = |text: &str| sent.iter().any(|sent| sent.says(text));
        assert!(
            says("Laser (2)._ipp._tcp.local 120 IN! SRV 0 0 631"),
            "{wait}"
        );
        assert!(says("Laser (2)._printer._tcp.local 120 IN! SRV 0 0 0"));
    }
}

/// A name that our own services have under the flagship is taken, and one we hold a place in cannot be registered.
///
/// covers: none (the same rule, within one host)
#[test]
fn s8_a_family_shares_its_names_within_a_host_too() {
    let (mut bench, _) = started(3);
    let lpr: ServiceType = "_printer._tcp".parse().expect("a type");
    let real = Service::new("LASER", &lpr, 515);
    assert_eq!(
        bench.act(|core, now| core.register(now, &real)),
        Err(RegisterError::Taken)
    );
}

/// A service is not announced before its placeholder is won.
///
/// covers: none (follows from 6763-8-e: until then the name may be lost)
#[test]
fn s8_nothing_is_announced_before_all_names_are_won() {
    let (mut bench, _) = started(4);
    bench.run(ms(400));
    bench.forget();
    // A better probe for the placeholder alone: it waits a second, and so does the service.
    bench.hear(
        &Heard::query(&["Laser._printer._tcp.local ANY"])
            .proposes(&["Laser._printer._tcp.local 120 IN SRV 9 9 9 zzz.local"]),
    );
    let at = bench.at();
    bench.run(ms(20_000));
    let sent = bench.take();
    let first = sent
        .iter()
        .find(|sent| sent.says("Laser._ipp._tcp.local 120 IN! SRV"));
    assert!(first.is_some_and(|first| first.at >= at + 1750));
}
