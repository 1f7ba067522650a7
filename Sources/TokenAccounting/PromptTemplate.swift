public import ChatProtocol
public import Tokenization

/// The tokens of a prompt that stand in no text of the request: what a family's chat template writes around the texts.
///
/// The numbers are read off published templates. A served model may have another template: `message` and `reply` can then be declared in
/// the configuration, and the upstream's own usage tells how far a count is off.
public struct PromptTemplate: Sendable, Equatable {
  /// Earlier thoughts, which some templates leave out.
  public enum Reasoning: Sendable, Equatable {
    /// They stand in the prompt.
    case kept
    /// Only those behind the last message of a user do.
    case keptSinceUser
    /// They are left out.
    case dropped
  }

  /// Tokens of tools that are told as declarations.
  public struct Signatures: Sendable, Equatable {
    /// Around the properties of one object.
    public var properties = 3
    /// Around each property.
    public var property = 3
    /// Around all listed values of a property; negative because the type is not told then.
    public var enumeration = -3
    /// Around each listed value.
    public var enumerationValue = 3

    /// Those of OpenAI's models.
    public init() {}
  }

  /// Once, at the start of each prompt (a token that begins every text).
  public var start = 0
  /// Around each message, its role's name included where that is one token for every role.
  public var message = 4
  /// Further tokens of a message by its role.
  public var system = 0
  /// The same for a user's.
  public var user = 0
  /// The same for an earlier answer.
  public var assistant = 0
  /// The same for what a tool gave.
  public var tool = 0
  /// What opens the answer, at the end of the prompt.
  public var reply = 3
  /// Beside a speaker's name; nil where the name is not told to the model.
  public var name: Int? = 1
  /// Around each earlier tool call.
  public var toolCall = 8
  /// Once, where tools are offered.
  public var tools = 0
  /// Around each offered tool.
  public var toolDefinition = 1
  /// How tools are told when they are not told as JSON documents.
  public var signatures: Signatures?
  /// Whether the schema asked of the answer is told to the model.
  public var hasSchema = false
  /// What becomes of earlier thoughts.
  public var reasoning = Reasoning.kept

  /// The general one: four tokens a message, three for the answer's opening.
  public init() {}

  /// How the scanner is to tell tools.
  public var toolForm: PromptToolForm { signatures == nil ? .documents : .signatures }

  /// Further tokens of a message with this role.
  public func tokens(of role: PromptRole) -> Int {
    switch role {
    case .system: system
    case .user: user
    case .assistant: assistant
    case .tool: tool
    }
  }

  // MARK: Families

  /// That of the models that cut text in this way.
  public static func family(_ kind: PreTokeniser) -> PromptTemplate {
    switch kind {
    case .cl100k: cl100k
    case .o200k: o200k
    case .qwen: qwen
    case .deepseek: deepseek
    case .llama3: llama3
    case .tekken: tekken
    }
  }

  /// GPT-3.5 and GPT-4: `num_tokens_from_messages` and `num_tokens_for_tools` of OpenAI's cookbook ("How to count tokens with tiktoken"),
  /// which found them equal to the usage that the service tells. A message is 3 and its role's name 1; tools are told as TypeScript.
  public static let cl100k = openAI(toolDefinition: 10)
  /// GPT-4o and later, from the same page.
  public static let o200k = openAI(toolDefinition: 7)

  private static func openAI(toolDefinition: Int) -> PromptTemplate {
    var template = PromptTemplate()
    template.message = 4
    template.reply = 3
    template.name = 1
    template.tools = 12
    template.toolDefinition = toolDefinition
    template.signatures = Signatures()
    template.hasSchema = true
    template.reasoning = .dropped
    return template
  }

  /// Qwen 2.5 and 3, QwQ (`chat_template` of their `tokenizer_config.json`): `<|im_start|>role\n…<|im_end|>\n` is 5, the answer opens with
  /// `<|im_start|>assistant\n`. In Qwen's own tokenizer the words around tools are 77, those around a call 11 to 12, those around a tool's
  /// output 4 (9 before Qwen 3, where the tags were no tokens). Earlier thoughts stay only behind the last question.
  public static let qwen: PromptTemplate = {
    var template = PromptTemplate()
    template.message = 5
    template.tool = 4
    template.reply = 3
    template.name = nil
    template.toolCall = 11
    template.tools = 77
    template.toolDefinition = 1
    template.reasoning = .keptSinceUser
    return template
  }()

  /// DeepSeek V3 and R1 (the same file of theirs): a token that begins the text, one for each turn, one at the end of each answer; a
  /// system message stands as it is. In DeepSeek's own tokenizer a call's frame is 9 to 11, a tool's output's 4. V3.1 opens tools with 103,
  /// and tells each by name, description and parameters, some 10 less than the frame of the document that is counted.
  public static let deepseek: PromptTemplate = {
    var template = PromptTemplate()
    template.start = 1
    template.message = 0
    template.user = 1
    template.assistant = 2
    template.tool = 4
    template.reply = 1
    template.name = nil
    template.toolCall = 10
    template.tools = 103
    template.toolDefinition = -10
    template.reasoning = .dropped
    return template
  }()

  /// Llama 3 (Meta's "model cards and prompt formats"): `<|begin_of_text|>`, then for each message
  /// `<|start_header_id|>role<|end_header_id|>\n\n…<|eot_id|>`; the answer opens with a header. The words before tools are 56. Its template
  /// indents the tools' documents, which is not counted.
  public static let llama3: PromptTemplate = {
    var template = PromptTemplate()
    template.start = 1
    template.message = 5
    template.reply = 4
    template.name = nil
    template.toolCall = 10
    template.tools = 56
    template.toolDefinition = 1
    template.reasoning = .dropped
    return template
  }()

  /// Mistral's models with tekken (mistral-common, instruct tokenizers v3 to v7): `<s>`, `[INST]…[/INST]` for a user,
  /// `[SYSTEM_PROMPT]…[/SYSTEM_PROMPT]`, `</s>` behind an answer, tools between `[AVAILABLE_TOOLS]` and its end; a call is an object with an
  /// identifier of nine characters behind `[TOOL_CALLS]`, and an output repeats the identifier.
  public static let tekken: PromptTemplate = {
    var template = PromptTemplate()
    template.start = 1
    template.message = 0
    template.system = 2
    template.user = 2
    template.assistant = 1
    template.tool = 9
    template.reply = 0
    template.name = nil
    template.toolCall = 20
    template.tools = 4
    template.toolDefinition = 1
    template.reasoning = .dropped
    return template
  }()
}
