import ca.uhn.hl7v2.DefaultHapiContext;
import ca.uhn.hl7v2.app.Connection;
import ca.uhn.hl7v2.llp.MinLowerLayerProtocol;
import ca.uhn.hl7v2.model.Message;
import ca.uhn.hl7v2.model.v251.message.ACK;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.concurrent.TimeUnit;

/** Standard input: a message a line, as base64. Standard output: what HAPI read in the answer to each. */
public class Hapi {
  public static void main(String[] args) throws Exception {
    try (var context = new DefaultHapiContext()) {
      var llp = new MinLowerLayerProtocol();
      llp.setCharset(StandardCharsets.UTF_8);
      context.setLowerLayerProtocol(llp);
      Connection connection = context.newClient("127.0.0.1", Integer.parseInt(args[0]), false);
      connection.getInitiator().setTimeout(20, TimeUnit.SECONDS);
      var lines = new BufferedReader(new InputStreamReader(System.in));
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String text = new String(Base64.getDecoder().decode(line), StandardCharsets.UTF_8);
        Message message = context.getPipeParser().parse(text);
        ACK ack = (ACK) connection.getInitiator().sendAndReceive(message);
        var error = ack.getERRReps() > 0 ? ack.getERR() : null;
        System.out.println(String.join(" ",
            ack.getMSH().getMessageType().encode(),
            ack.getMSA().getAcknowledgmentCode().getValue(),
            ack.getMSA().getMessageControlID().getValue(),
            error == null ? "" : error.getErrorLocation(0).encode() + " " + error.getApplicationErrorCode().getIdentifier().getValue()).trim());
      }
      connection.close();
    }
  }
}
