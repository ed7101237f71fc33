import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport.IssueSeverity;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import com.google.gson.Gson;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirDefaultPolicyAdvisor;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.r4.model.StructureDefinition;
import org.hl7.fhir.r5.elementmodel.Element;
import org.hl7.fhir.r5.model.ElementDefinition;
import org.hl7.fhir.r5.utils.validation.IMessagingServices;
import org.hl7.fhir.r5.utils.validation.IResourceValidator;
import org.hl7.fhir.r5.utils.validation.constants.ReferenceValidationPolicy;
import org.hl7.fhir.utilities.validation.ValidationMessage;
import org.hl7.fhir.validation.instance.advisor.BasePolicyAdvisorForFullValidation;

/**
 * HL7's own validator over NDJSON: a resource or Bundle a line in, an answer a line out, in the same order:
 * {"errors":[{"id":…,"at":…,"text":…}]}. Argument: a folder of StructureDefinitions. Nothing is fetched from a network.
 */
public class Referee {
  public static void main(String[] arguments) throws Exception {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    FhirValidator validator = validator(Path.of(arguments[0]));
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    Gson gson = new Gson();
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      if (!line.isBlank()) out.println(gson.toJson(Map.of("errors", judge(validator, line))));
    }
  }

  /** An exception of the validator counts as an error, and the next line gets its turn. */
  private static List<Map<String, String>> judge(FhirValidator validator, String line) {
    List<Map<String, String>> errors = new ArrayList<>();
    try {
      for (SingleValidationMessage message : validator.validateWithResult(line).getMessages()) {
        if (isError(message)) errors.add(finding(message.getMessageId(), message.getLocationString(), message.getMessage()));
      }
    } catch (Exception exception) {
      errors.add(finding("exception", "", exception.toString()));
    }
    return errors;
  }

  private static Map<String, String> finding(String id, String at, String text) {
    return Map.of("id", String.valueOf(id), "at", String.valueOf(at), "text", String.valueOf(text));
  }

  private static boolean isError(SingleValidationMessage message) {
    // A reference that leads nowhere in its own Bundle is only a warning by default.
    if ("Bundle_BUNDLE_Not_Local".equals(message.getMessageId())) return true;
    if (message.getSeverity().compareTo(ResultSeverityEnum.ERROR) < 0) return false;
    // HAPI's own complaint about a Coding with a system and no code.
    return !("Terminology_PassThrough_TX_Message".equals(message.getMessageId()) && message.getMessage().endsWith("#null'"));
  }

  private static FhirValidator validator(Path definitions) throws Exception {
    FhirContext context = FhirContext.forR4();
    PrePopulatedValidationSupport own = new PrePopulatedValidationSupport(context);
    try (DirectoryStream<Path> files = Files.newDirectoryStream(definitions, "*.json")) {
      for (Path file : files) {
        own.addStructureDefinition(context.newJsonParser().parseResource(StructureDefinition.class, Files.readString(file)));
      }
    }
    UnknownCodeSystemWarningValidationSupport unknown = new UnknownCodeSystemWarningValidationSupport(context);
    unknown.setNonExistentCodeSystemSeverity(IssueSeverity.WARNING);
    // Our own definitions come first: what is found first counts.
    ValidationSupportChain chain = new ValidationSupportChain(
        own,
        new DefaultProfileValidationSupport(context),
        new CommonCodeSystemsTerminologyService(context),
        new InMemoryTerminologyServerValidationSupport(context),
        new SnapshotGeneratingValidationSupport(context),
        unknown);
    FhirInstanceValidator module = new FhirInstanceValidator(chain);
    module.setAnyExtensionsAllowed(false);
    module.setErrorForUnknownProfiles(true);
    module.setAssumeValidRestReferences(true);
    module.setValidatorPolicyAdvisor(new VitalSignsByCode());
    return context.newValidator().registerValidatorModule(module);
  }

  /** HAPI's own advisor does not bind an Observation to a vital signs profile by its code; HL7's does. */
  private static final class VitalSignsByCode extends FhirDefaultPolicyAdvisor {
    private final BasePolicyAdvisorForFullValidation byCode =
        new BasePolicyAdvisorForFullValidation(ReferenceValidationPolicy.IGNORE, Set.of());

    @Override
    public List<org.hl7.fhir.r5.model.StructureDefinition> getImpliedProfilesForResource(
        IResourceValidator validator,
        Object appContext,
        String stackPath,
        ElementDefinition definition,
        org.hl7.fhir.r5.model.StructureDefinition structure,
        Element resource,
        boolean valid,
        IMessagingServices services,
        List<ValidationMessage> messages) {
      return byCode.getImpliedProfilesForResource(
          validator, appContext, stackPath, definition, structure, resource, valid, services, messages);
    }
  }
}
