//! Hostile bytes, through the sockets.

use super::{
    wire::{list, nameless},
    *,
};

/// A binary list field that claims `size` elements.
fn claimed(size: i32) -> Vec<u8> {
    let mut field = list(2, &[]);
    let at = field.len() - 4;
    field[at..].copy_from_slice(&size.to_be_bytes());
    field
}

/// Structs in structs, under an unknown field.
fn deep(levels: usize) -> Vec<u8> {
    [[12, 0, 99].repeat(levels), vec![0; levels + 1]].concat()
}

#[tokio::test]
async fn i8_hostile_thrift_is_400_over_http_and_counted_over_udp() {
    let stand = Stand::new().await;
    let text = |size: i32| [&[11, 0, 1], &size.to_be_bytes()[..]].concat();
    let map = [&[13, 0, 99, 11, 11], &i32::MAX.to_be_bytes()[..]].concat();
    let bodies = [
        claimed(i32::MAX),
        claimed(-1),
        text(i32::MAX),
        text(-1),
        map,
        deep(1000),
        batch(&[span()])[..40].to_vec(),
    ];
    for body in &bodies {
        assert_eq!(post(stand.http, PATH, THRIFT, body).await.status, 400, "{body:?}");
        stand.send(&call("emitBatch", body), stand.binary);
    }
    until("all are counted", || stand.dropped("udp_thrift_binary", "decode") == bodies.len() as u64).await;

    let envelope = |rest: &[u8]| [&COMPACT[..13], rest].concat();
    let compact = [
        envelope(b"\x1c\x19\xfc\xff\xff\xff\xff\x07"), // 2^31 - 1 structs
        envelope(b"\x1c\x19\xfc\xff\xff\xff\xff\x0f"), // a size of 32 bits, which is negative
        envelope(b"\x1c\x1c\x18\xff\xff\xff\xff\x07"), // a text of 2^31 - 1 bytes
        envelope(&[&[0x1c][..], &[0x7c; 1000]].concat()), // 1,000 structs deep
        envelope(&[0xff; 20]),
        call("emitBatch", &batch(&[span()])), // the other protocol
        COMPACT[..COMPACT.len() - 1].to_vec(),
        Vec::new(),
    ];
    for packet in &compact {
        stand.send(packet, stand.compact);
    }
    until("all are counted", || stand.dropped("udp_thrift_compact", "decode") == compact.len() as u64).await;
    assert_eq!(stand.sink.items(), 0);
    stand.send(COMPACT, stand.compact);
    until("the next one passes", || stand.sink.items() == 1).await;
    stand.stop().await;
    stand.sink.taken.lock().unwrap().clear();
    assert_eq!(stand.process.budget.used(), 0);
}

#[tokio::test]
async fn i8_packets_cut_anywhere_cost_themselves() {
    let stand = Stand::new().await;
    let binary = call("emitBatch", &batch(&[span()]));
    for (whole, to, transport) in
        [(COMPACT, stand.compact, "udp_thrift_compact"), (&binary[..], stand.binary, "udp_thrift_binary")]
    {
        for end in 0..whole.len() {
            stand.send(&whole[..end], to);
            until("it is counted", || stand.dropped(transport, "decode") == end as u64 + 1).await;
        }
    }
    assert_eq!(stand.sink.items(), 0);
    stand.stop().await;
}

#[tokio::test]
async fn the_agents_other_method_is_counted_and_harmless() {
    let stand = Stand::new().await;
    stand.send(&call("emitZipkinBatch", &batch(&[span()])), stand.binary);
    until("it is counted", || stand.dropped("udp_thrift_binary", "decode") == 1).await;
    stand.stop().await;
}

#[tokio::test]
async fn a_second_call_in_a_packet_and_a_bad_span_cost_only_themselves() {
    let stand = Stand::new().await;
    stand.send(&[COMPACT, COMPACT].concat(), stand.compact);
    stand.send(&call("emitBatch", &batch(&[nameless(), span()])), stand.binary);
    until("one span of each", || stand.sink.items() == 2).await;
    stand.stop().await;
    assert_eq!(stand.sink.items(), 2);
}

#[tokio::test]
async fn i9_the_longest_packet_is_taken_where_it_may_be() {
    let mut settings = settings();
    let mut binary = udp::ServerSettings::at("127.0.0.1:0");
    binary.max_packet_size = sluice_config::ByteSize::new(65_507);
    settings.protocols.thrift_binary = Section::on(binary);
    let stand = Stand::with(settings, process()).await;
    let mut spans = vec![span(); 465];
    let spare = 65_507 - call("emitBatch", &batch(&spans)).len();
    // An unknown text field fills the last span up.
    let last = spans.last_mut().unwrap();
    last.pop();
    let filler = u32::try_from(spare - 7).unwrap();
    last.extend([&[11, 0, 99][..], &filler.to_be_bytes(), &vec![b'x'; spare - 7], &[0]].concat());
    let packet = call("emitBatch", &batch(&spans));
    assert_eq!(packet.len(), 65_507);
    stand.send(&packet, stand.binary);
    until("all of it arrives", || stand.sink.items() == 465).await;
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i9_a_flood_is_bounded_and_counted_and_grpc_still_answers() {
    const PACKETS: u64 = 100_000;
    let stand = Stand::new().await;
    let (client, to) = (stand.client.try_clone().unwrap(), stand.compact);
    let flood = tokio::task::spawn_blocking(move || {
        for packet in 0..PACKETS {
            // Whole ones, cut ones and empty ones.
            let len = [COMPACT.len(), 40, 0][usize::try_from(packet % 3).unwrap()];
            client.send_to(&COMPACT[..len], to).unwrap();
        }
    });
    let mut answers = 0;
    while !flood.is_finished() {
        grpc_call(stand.grpc, METHOD, &[], &post_spans(vec![proto_span()])).await.unwrap();
        answers += 1;
    }
    flood.await.unwrap();
    assert!(answers > 0);
    stand.stop().await;
    let transports = stand.sink.transports();
    assert_eq!(transports.iter().filter(|&&transport| transport == "grpc").count(), answers);
    let dropped = |reason| stand.dropped("udp_thrift_compact", reason);
    let spans = (stand.sink.items() - answers) as u64;
    let lost: u64 = ["kernel", "queue_full", "decode"].map(dropped).iter().sum();
    assert_eq!(spans + lost, PACKETS, "each packet arrived or is counted");
    assert_eq!(dropped("memory_limit") + dropped("pipeline") + dropped("stopping"), 0);
    stand.sink.taken.lock().unwrap().clear();
    assert_eq!(stand.process.budget.used(), 0);
}
