import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;

/** What both services need of HTTP. */
class Web {
  /** A server on LISTEN, or on {@code otherwise}, that says that it is there at {@code /health}. */
  static HttpServer server(String otherwise) throws IOException {
    String[] listen = System.getenv().getOrDefault("LISTEN", otherwise).split(":");
    HttpServer server = HttpServer.create(new InetSocketAddress(listen[0], Integer.parseInt(listen[1])), 0);
    server.setExecutor(Executors.newFixedThreadPool(4));
    server.createContext("/health", exchange -> answer(exchange, 200, "{\"ok\": true}"));
    return server;
  }

  static void answer(HttpExchange exchange, int status, String json) throws IOException {
    byte[] body = (json + "\n").getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("content-type", "application/json");
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  /** The number in the query {@code order=7}. */
  static long order(HttpExchange exchange) {
    String query = exchange.getRequestURI().getQuery();
    return query != null && query.matches("order=\\d{1,18}") ? Long.parseLong(query.substring("order=".length())) : 0;
  }
}
