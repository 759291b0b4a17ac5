"""Words that say a text is of a field where a wrong answer is dear, or asks for more than a look-up. Starting values.

English, German, French, Spanish and Portuguese, and scripts without spaces; law, medicine, money, science, and what asks for
reasoning. Chosen by hand and not fitted: a deployment's own words (`domain_words` in its policy) say more.
"""

DOMAIN_WORDS = frozenset(
    """
    liability indemnify indemnification jurisdiction arbitration plaintiff defendant statute clause warranty covenant breach
    diagnosis dosage contraindication symptoms prognosis pathology clinical pharmacology oncology patient
    amortization depreciation derivative hedge collateral equity liquidity accrual reconciliation audit compliance
    theorem proof prove derive derivation integral eigenvalue hypothesis equation polynomial probability
    algorithm complexity concurrency deadlock refactor optimize architecture tradeoff tradeoffs
    analyze analyse compare evaluate justify critique reconcile synthesize why
    haftung gerichtsstand kläger beklagte vertrag klausel gewährleistung diagnose dosierung abschreibung beweis beweise
    begründe vergleiche bewerte analysiere warum
    responsabilité juridiction contrat garantie diagnostic posologie amortissement démontrer prouver comparer évaluer pourquoi
    responsabilidad jurisdicción cláusula contrato garantía diagnóstico dosis amortización demostrar comparar evaluar analizar
    responsabilidade jurisdição garantia dosagem amortização demonstrar avaliar analisar
    договор ответственность диагноз доказать сравните оцените проанализируйте почему
    """.split()  # noqa: SIM905 as a list, a page
)
UNSPACED_DOMAIN_WORDS = (
    "契約", "訴訟", "診断", "証明", "分析", "比較", "なぜ", "合同", "诊断", "证明", "比较", "为什么", "진단", "분석", "วิเคราะห์",
)  # fmt: skip
