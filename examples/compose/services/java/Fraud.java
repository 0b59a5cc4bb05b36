import brave.Span;
import brave.Tracer;
import brave.Tracing;
import brave.propagation.TraceContext;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.Histogram;
import io.prometheus.client.exporter.HTTPServer;
import java.io.IOException;
import zipkin2.reporter.BytesMessageSender;
import zipkin2.reporter.brave.AsyncZipkinSpanHandler;
import zipkin2.reporter.urlconnection.URLConnectionSender;

/**
 * Looks for fraud: {@code GET /check} finds it in every tenth order. It has not been touched for years: Brave, Zipkin's
 * client, which posts to ZIPKIN_ENDPOINT and finds its caller's context in the header {@code b3}, and Prometheus's client at
 * {@code GET /metrics}.
 */
class Fraud {
  static final Histogram duration = Histogram.build("fraud_check_seconds", "How long a check takes.")
      .buckets(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1).register();

  public static void main(String[] arguments) throws IOException {
    BytesMessageSender sender = URLConnectionSender.create(System.getenv("ZIPKIN_ENDPOINT"));
    AsyncZipkinSpanHandler spans = AsyncZipkinSpanHandler.create(sender);
    Tracing tracing = Tracing.newBuilder()
        .localServiceName("fraud").addSpanHandler(spans).traceId128Bit(true)
        // A caller with OpenTelemetry does not share the identifier of its span, as one with Brave would.
        .supportsJoin(false)
        .build();

    HttpServer server = Web.server("127.0.0.1:8005");
    server.createContext("/check", exchange -> check(tracing, exchange));
    server.createContext("/metrics", new HTTPServer.HTTPMetricHandler(CollectorRegistry.defaultRegistry));
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      server.stop(0);
      tracing.close();
      spans.flush();
      spans.close();
      try {
        sender.close();
      } catch (IOException error) {
        System.err.println(error);
      }
    }));
    server.start();
  }

  static void check(Tracing tracing, HttpExchange exchange) throws IOException {
    long began = System.nanoTime();
    long order = Web.order(exchange);
    TraceContext.Extractor<Headers> extractor = tracing.propagation().extractor(Headers::getFirst);
    Tracer tracer = tracing.tracer();
    Span span = tracer.nextSpan(extractor.extract(exchange.getRequestHeaders()))
        .name("check").kind(Span.Kind.SERVER).tag("order", Long.toString(order)).start();
    boolean fraud;
    try (Tracer.SpanInScope scope = tracer.withSpanInScope(span)) {
      Span rules = tracer.nextSpan().name("apply rules").start();
      fraud = order % 10 == 0;
      rules.annotate(fraud ? "a rule applies" : "no rule applies");
      rules.finish();
    } finally {
      span.finish();
    }
    duration.observeWithExemplar((System.nanoTime() - began) / 1e9, "trace_id", span.context().traceIdString());
    Web.answer(exchange, 200, "{\"fraud\": " + fraud + "}");
  }
}
