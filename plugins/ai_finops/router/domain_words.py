"""Words that say a text is of a field where a wrong answer is dear, or asks for more than a lookup. Starting values, in lower case.

English, German, French, Spanish and Portuguese; law, medicine, money, science and what asks for reasoning. Chosen by hand and not
fitted: a deployment's own words (`domain_words` in the policy) say more.
"""

DOMAIN_WORDS = frozenset(
    """
    liability indemnify indemnification jurisdiction arbitration plaintiff defendant statute clause warranty covenant tort breach
    diagnosis dosage contraindication symptoms prognosis pathology clinical pharmacology oncology patient
    amortization depreciation derivative hedge collateral equity liquidity accrual reconciliation audit compliance
    theorem proof prove derive derivation integral eigenvalue hypothesis equation polynomial probability
    algorithm complexity concurrency deadlock refactor optimize architecture trade-offs tradeoffs
    analyze analyse compare evaluate justify critique reconcile synthesize step-by-step why
    haftung gerichtsstand kläger beklagte vertrag klausel gewährleistung diagnose dosierung patient abschreibung beweise beweis
    begründe vergleiche bewerte analysiere warum
    responsabilité juridiction clause contrat garantie diagnostic posologie amortissement démontrer prouver comparer évaluer pourquoi
    responsabilidad jurisdicción cláusula contrato garantía diagnóstico dosis amortización demostrar comparar evaluar analizar
    responsabilidade jurisdição cláusula contrato garantia diagnóstico dosagem amortização demonstrar avaliar analisar
    """.split()  # noqa: SIM905 one word to a line would be a page
)
